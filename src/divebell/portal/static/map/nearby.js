// What is in view, as a table: for whoever reads rather than sees.

import { button, byId, make, shown } from "./dom.js";
import { distinct } from "./popup.js";
import { amount, written } from "./numbers.js";
import { json } from "./service.js";

const ROWS = 25;
const COLUMNS = 8;

// `go(layer, id, lngLat)` shows one of them on the map.
export function setUpNearby(map, layers, go) {
  const dialog = byId("nearby");
  byId("list").addEventListener("click", async () => {
    const room = byId("in-view");
    room.replaceChildren(make("p", {}, "Looking at what is in view."));
    dialog.showModal();
    const parts = await Promise.all(layers().filter((one) => one.choice.shown && one.info).map((layer) => part(map, layer, (id, at) => {
      dialog.close();
      go(layer, id, at);
    })));
    room.replaceChildren(...parts.flat());
  });
}

async function part(map, layer, chosen) {
  const ids = layer.ids.filter((id) => map.getLayer(id) && !id.startsWith("outlines"));
  const found = ids.length ? map.queryRenderedFeatures({ layers: ids }) : [];
  const cells = found.filter((one) => "count" in one.properties);
  const single = distinct(found.filter((one) => !("count" in one.properties)));
  return [make("h3", {}, layer.title), ...cellWords(cells), ...(single.length || !cells.length ? await table(layer, single, chosen) : [])];
}

function cellWords(cells) {
  if (cells.length === 0) return [];
  const rows = cells.reduce((sum, one) => sum + one.properties.count, 0);
  return [make("p", {}, `About ${amount(rows)} features, counted in ${amount(cells.length)} cells. Zoom in for a table of single ones.`)];
}

async function table(layer, features, chosen) {
  const words = `${amount(features.length)} ${features.length === 1 ? "feature" : "features"} in view${features.length > ROWS ? `; the first ${ROWS}` : ""}.`;
  const few = features.slice(0, ROWS);
  if (few.length === 0) return [make("p", {}, words)];
  const known = await Promise.all(few.map((one) => attributes(layer, one)));
  const names = known[0].pairs.slice(0, COLUMNS).map(([name]) => name);
  const head = make("tr", {}, ...names.map((name) => make("th", { scope: "col" }, name)), make("th", { scope: "col" }, "On the map"));
  const rows = known.map(({ id, pairs, point }, i) => make("tr", {},
    ...names.map((name) => make("td", {}, shown(pairs.find((pair) => pair[0] === name)?.[1]))),
    make("td", {}, point ? button("Show", () => chosen(id, point), { "aria-label": `Show row ${i + 1} on the map` }) : "")));
  const body = make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows));
  return [make("p", {}, words), make("div", { className: "wide", tabIndex: 0 }, body)];
}

async function attributes(layer, { id, properties }) {
  const carried = Object.entries(properties).map(([name, value]) => [name, typeof value === "number" ? written(value) : value]);
  if (!layer.info.divebell.findable || id === undefined) return { id, pairs: carried, point: null };
  try {
    const known = await json(layer.at.feature(id));
    return { id, pairs: known.attributes ?? carried, point: known.point ?? null };
  } catch {
    return { id, pairs: carried, point: null };
  }
}
