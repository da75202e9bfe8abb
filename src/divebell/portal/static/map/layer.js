// One layer: what it is, what its colours mean, and its part of the map.

import { ONE_COLOUR, coloursOf, coloursOfCategories } from "./colours.js";
import { rasterOf } from "./raster.js";
import { addresses, json } from "./service.js";
import { KINDS, colourByCategory, colourByNumber, dataLayers } from "./styling.js";

const CATEGORIES = 11;

export class Layer {
  constructor(root, choice, key) {
    this.choice = choice;
    this.key = key;
    this.root = root;
    this.source = `data-${key}`;
    this.at = addresses(root, choice.slug);
    this.title = choice.slug;
    this.info = null; // TileJSON, once it is known
    this.classes = null; // breaks or categories of the chosen column
    this.colours = [];
    this.largest = null; // of the column that points are sized by
    this.problem = null; // why it cannot be drawn, in words
    this.gone = false;
    this.drawn = null; // the address of the tiles on the map
    this.raster = null; // what is drawn of a raster besides its outline
  }

  // Ask what the layer is; a map that has been open for a while asks again.
  async know() {
    try {
      this.info = await json(this.at.about);
    } catch (error) {
      if (error.status === 404) this.gone = true;
      throw error;
    }
    this.gone = false;
    this.title = this.info.name.replace(/^data\./, "");
    this.problem = this.info.divebell.reason;
    await this.knowRaster();
    const { choice } = this;
    if (choice.column === null) choice.column = usualColumn(this.info.divebell.fields);
    if (choice.column && !this.field(choice.column)) choice.column = "";
    if (choice.by && !this.field(choice.by)) Object.assign(choice, { by: "", min: null, max: null, only: null });
    if (choice.size && !this.field(choice.size)?.numeric) choice.size = "";
  }

  async knowRaster() {
    const { fields, notes } = this.info.divebell;
    const raster = await rasterOf(this.root, this.choice.slug, fields);
    if (raster?.reason) notes.push(`Its pixels are not drawn: ${raster.reason}`);
    this.raster = raster?.reason ? null : raster;
    if (this.raster) Object.assign(this.choice, { column: "", size: "", by: "" });
  }

  field(name) {
    return this.info.divebell.fields.find((one) => one.name === name);
  }

  get numeric() {
    return this.field(this.choice.column)?.numeric ?? false;
  }

  // The column that rows are chosen by.
  get chooser() {
    return this.choice.by || this.choice.column;
  }

  get choosesNumbers() {
    return this.field(this.chooser)?.numeric ?? false;
  }

  // Ask what the colours mean.
  async classify() {
    const { column, size } = this.choice;
    this.classes = null;
    const asks = [null, null];
    if (column) asks[0] = json(this.numeric ? this.at.breaks(this.choice) : this.at.categories(column, CATEGORIES));
    if (size) asks[1] = json(this.at.breaks({ column: size, scheme: "equal", k: 2 }));
    const [classes, sizes] = await Promise.all(asks);
    this.classes = classes;
    this.largest = sizes?.classes.at(-1)?.upper ?? null;
    this.paint();
  }

  paint() {
    const { classes, choice } = this;
    if (!classes) this.colours = [];
    else if (this.numeric) this.colours = coloursOf(classes.classes, choice.palette);
    else this.colours = coloursOfCategories(classes.categories.length);
  }

  get colour() {
    if (!this.classes) return ONE_COLOUR;
    if (this.numeric) return colourByNumber(this.classes.classes, this.colours);
    return colourByCategory(this.classes.categories, this.colours);
  }

  get ids() {
    return ["pixels", ...KINDS].map((kind) => `${kind}-${this.key}`);
  }

  // Put it on the map, or change what is there, below the layer `before`.
  draw(map, before) {
    if (this.problem) return;
    const { choice, info, source } = this;
    const tiles = [this.at.tiles(choice, this.choosesNumbers, info.divebell.version)];
    const known = map.getSource(source);
    if (!known) map.addSource(source, { type: "vector", tiles, minzoom: 0, maxzoom: info.maxzoom, bounds: widened(info.bounds) });
    else if (this.drawn !== tiles[0]) known.setTiles(tiles);
    this.drawn = tiles[0];
    const size = choice.size ? this.largest : null;
    const name = info.vector_layers[0].id;
    for (const layer of dataLayers({ key: this.key, source, name, colour: this.colour, opacity: this.raster ? 0 : choice.opacity, shown: choice.shown, size })) {
      if (map.getLayer(layer.id)) change(map, layer);
      else map.addLayer(layer, before);
    }
    this.raster?.draw(map, this.key, choice, `areas-${this.key}`);
  }

  erase(map) {
    for (const id of this.ids) if (map.getLayer(id)) map.removeLayer(id);
    for (const source of [this.source, `pixels-${this.key}`]) if (map.getSource(source)) map.removeSource(source);
  }
}

function change(map, { id, paint, layout }) {
  for (const [name, value] of Object.entries(paint)) map.setPaintProperty(id, name, value);
  for (const [name, value] of Object.entries(layout)) map.setLayoutProperty(id, name, value);
}

// A point on the very edge may belong to the tile beyond it.
function widened([west, south, east, north]) {
  return [west - 1e-6, south - 1e-6, east + 1e-6, north + 1e-6];
}

// A measure says most, then a kind; nothing that only names a row.
export function usualColumn(fields) {
  const found = fields.find((one) => one.kind === "number" && one.numeric) ?? fields.find((one) => one.kind === "category");
  return found?.name ?? "";
}
