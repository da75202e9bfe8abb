// The pixels of a raster, drawn where its table has the outline, with the values of a place.

import { facts, make } from "./dom.js";
import { written } from "./numbers.js";
import { json } from "./service.js";

const COLUMNS = ["file", "width", "height", "bands", "data_type"];
const MOST_ROWS = 24;

// A table that was made from a GeoTIFF is known by its columns. Null: it is none, or its pixels are not ready yet.
export async function rasterOf(root, slug, fields) {
  if (!slug.startsWith("data.") || !COLUMNS.every((name) => fields.some((one) => one.name === name))) return null;
  const base = `${root}rasters/${encodeURIComponent(slug)}`;
  try {
    return new Raster(base, await json(`${base}.json`));
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

export class Raster {
  constructor(base, about) {
    this.base = base;
    this.about = about;
    this.drawn = null; // the address of the tiles on the map
    this.reason = about.divebell.reason; // why its pixels are not drawn, in words
  }

  get sentence() {
    const { width, height, bands } = this.about.divebell;
    return `A raster of ${written(width)} × ${written(height)} pixels, ${bands.length} ${bands.length === 1 ? "band" : "bands"}`;
  }

  // What the colours mean, as the legend's rows.
  get rows() {
    const { legend } = this.about.divebell;
    if (legend === null) return [{ colour: "transparent", words: "in its own colours", count: null }];
    if (legend.classes) {
      const rows = legend.classes.map(({ value, colour }) => ({ colour, words: written(value), count: null }));
      const more = rows.length - MOST_ROWS;
      return more > 0 ? [...rows.slice(0, MOST_ROWS), { colour: "transparent", words: `and ${more} more`, count: null }] : rows;
    }
    const { colours, low, high } = legend;
    return colours.map((colour, i) => ({ colour, words: words(legend, low + ((high - low) * i) / (colours.length - 1), i), count: null }));
  }

  // Put the pixels on the map, or change what is there, below the layer `before`.
  draw(map, key, { opacity, shown }, before) {
    const { about } = this;
    const [id, source] = [`pixels-${key}`, `pixels-${key}`];
    const tiles = [`${about.tiles[0]}${about.tiles[0].includes("?") ? "&" : "?"}v=${about.divebell.version}`];
    const known = map.getSource(source);
    if (!known) map.addSource(source, { type: "raster", tiles, tileSize: 256, minzoom: 0, maxzoom: about.maxzoom, bounds: bounds(about) });
    else if (this.drawn !== tiles[0]) known.setTiles(tiles);
    this.drawn = tiles[0];
    if (!map.getLayer(id)) map.addLayer({ id, type: "raster", source, paint: { "raster-fade-duration": 0 } }, before);
    map.setPaintProperty(id, "raster-opacity", opacity);
    map.setPaintProperty(id, "raster-resampling", "nearest");
    map.setLayoutProperty(id, "visibility", shown ? "visible" : "none");
  }

  // What each band holds at a place.
  async values({ lng, lat }) {
    try {
      const found = await json(`${this.base}/value?${new URLSearchParams({ lon: lng, lat })}`);
      return facts(found.bands.map(({ name, value }) => [name, value === null ? "nothing" : written(value)]));
    } catch (error) {
      return make("p", {}, error.message);
    }
  }
}

function words(legend, value, i) {
  const text = written(Number(value.toPrecision(4)));
  if (i === 0) return `${text} and less`;
  return i === legend.colours.length - 1 ? `${text} and more` : text;
}

// MapLibre asks for no tiles west of bounds that cross the antimeridian: it may then ask all around.
function bounds({ bounds: [west, south, east, north] }) {
  return east > 180 ? [-180, south, 180, north] : [west, south, east, north];
}
