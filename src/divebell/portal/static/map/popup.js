// What lies at one place.

import { facts, make } from "./dom.js";
import { amount, written } from "./numbers.js";
import { json } from "./service.js";

const MOST = 5;
const ATTRIBUTES = 14;

export class Inspection {
  constructor(map, layers) {
    this.map = map;
    this.layers = layers;
    this.popup = new maplibregl.Popup({ maxWidth: "22rem" });
    map.on("click", (event) => this.look(event.point, event.lngLat));
    map.on("mousemove", (event) => {
      map.getCanvas().style.cursor = this.found(event.point).length > 0 ? "pointer" : "";
    });
    map.getCanvas().addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.look(map.project(map.getCenter()), map.getCenter());
      if (event.key === "Escape") this.popup.remove();
    });
  }

  found(around) {
    const ids = this.layers().flatMap((layer) => layer.ids).filter((id) => this.map.getLayer(id) && !id.startsWith("outlines"));
    return ids.length ? this.map.queryRenderedFeatures(around, { layers: ids }) : [];
  }

  async look(point, lngLat) {
    const around = [[point.x - 4, point.y - 4], [point.x + 4, point.y + 4]];
    const found = distinct(this.found(around));
    if (found.length === 0) return this.popup.remove();
    this.show(await this.describe(found, lngLat), lngLat);
  }

  // Open on one row, as a search or a table of rows found it.
  async open(layer, id, lngLat) {
    this.show(await attributes(layer, { id, properties: {} }, lngLat), lngLat);
  }

  show(content, lngLat) {
    this.popup.setLngLat(lngLat).setDOMContent(content).addTo(this.map);
  }

  async describe(found, lngLat) {
    const box = make("div");
    const several = new Set(found.map((one) => one.source)).size > 1;
    for (const one of found.slice(0, MOST)) {
      const layer = this.layers().find((candidate) => candidate.source === one.source);
      if (several) box.append(make("p", { className: "of" }, layer.title));
      box.append("count" in one.properties ? cell(layer, one.properties) : await attributes(layer, one, lngLat));
    }
    if (found.length > MOST) box.append(make("p", {}, `and ${amount(found.length - MOST)} more here`));
    return box;
  }
}

// One feature is found once for each tile it reaches into. Of cells, the nearest speaks for its layer.
export function distinct(found) {
  const named = (one) => [one.source, "count" in one.properties ? "cell" : one.id ?? JSON.stringify(one.properties)].join(" ");
  const first = new Map();
  for (const one of found) if (!first.has(named(one))) first.set(named(one), one);
  return [...first.values()];
}

function cell(layer, { count, value }) {
  const { column, stat } = layer.choice;
  const says = typeof value === "number" ? `${stat} of ${column} ${written(value)}` : `mostly ${value}`;
  const more = column && value !== undefined ? `, ${says}` : "";
  return make("p", {}, `${amount(count)} ${count === 1 ? "feature" : "features"} in this cell${more}. Zoom in to see them one by one.`);
}

async function attributes(layer, { id, properties }, lngLat) {
  if (layer.raster && lngLat.lng !== undefined) return layer.raster.values(lngLat);
  const carried = Object.entries(properties).filter(([name]) => name !== "value" && name !== "size");
  if (!layer.info.divebell.findable || id === undefined) return described(carried);
  try {
    return described((await json(layer.at.feature(id))).attributes ?? []);
  } catch (error) {
    return make("p", {}, error.message);
  }
}

function described(pairs) {
  if (pairs.length === 0) return make("p", {}, "It has no attributes.");
  const first = facts(pairs.slice(0, ATTRIBUTES));
  if (pairs.length <= ATTRIBUTES) return first;
  const rest = make("details", {}, make("summary", {}, `${pairs.length - ATTRIBUTES} more`), facts(pairs.slice(ATTRIBUTES)));
  return make("div", {}, first, rest);
}
