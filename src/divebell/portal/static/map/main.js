// The map page: layers in an order, each with its choices; all of it is kept in the address.

import { chosenBackground } from "./background.js";
import { Card } from "./card.js";
import { byId, make } from "./dom.js";
import { Layer } from "./layer.js";
import { legend, sentence, spoken } from "./legend.js";
import { Live } from "./live.js";
import { setUpNearby } from "./nearby.js";
import { savePicture } from "./picture.js";
import { Inspection } from "./popup.js";
import { searchable, setUpSearch } from "./search.js";
import { json, words } from "./service.js";
import { setUpSharing } from "./sharing.js";
import { decode, encode, placeIn, usual } from "./state.js";

const page = byId("page").dataset;
const WORLD = [-170, -56, 170, 74];
let keys = 0;
let layers = decode(location.hash, page.layer).map((choice) => new Layer(page.root, choice, keys++));
let map;
let cards = new Map();
let live;

main().catch((error) => say(error.message, true));

async function main() {
  await Promise.all(layers.map(know));
  map = await newMap(layers.find((one) => one.info && !one.problem)?.info.divebell.view ?? WORLD);
  window.divebellMap = map; // for the console, and for tests
  const inspection = new Inspection(map, () => layers);
  const open = (layer, id, lngLat) => id !== null && id !== undefined && inspection.open(layer, id, lngLat);
  live = new Live(page.root, changed);
  list();
  setUpSearch(() => layers, (layer, found) => {
    map.fitBounds(found.bounds, { padding: 60, maxZoom: 13 });
    open(layer, found.id, found.point);
  });
  setUpNearby(map, () => layers, (layer, id, point) => {
    map.easeTo({ center: point, zoom: Math.max(map.getZoom(), 8) });
    open(layer, id, point);
  });
  setUpSharing(page);
  setUpButtons(); // before what takes a while: they are in sight
  await new Promise((done) => (map.isStyleLoaded() ? done() : map.once("style.load", done)));
  await Promise.all(layers.map(show));
  map.on("error", (event) => tileProblem(event));
  map.on("moveend", tellCells);
  map.on("zoomend", tellCells);
  addEventListener("hashchange", () => location.reload()); // somebody put another address in
  await setUpCatalogue();
}

async function newMap(view) {
  maplibregl.setWorkerUrl(page.worker);
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const made = new maplibregl.Map({
    container: "map", style: await chosenBackground(page, dark), bounds: view, fitBoundsOptions: { padding: 24, maxZoom: 15 },
    hash: "view", maxZoom: 20, attributionControl: { compact: true }, dragRotate: false, pitchWithRotate: false, fadeDuration: 0,
  });
  made.touchZoomRotate.disableRotation();
  made.keyboard.disableRotation();
  made.addControl(new maplibregl.NavigationControl({ showCompass: false }), "top-left");
  made.addControl(new maplibregl.FullscreenControl({ container: byId("page") }), "top-left");
  made.addControl(new maplibregl.ScaleControl(), "bottom-left");
  return made;
}

// --- layers --------------------------------------------------------------------------------------------------

async function know(layer) {
  try {
    await layer.know();
  } catch (error) {
    layer.problem = error.message;
  }
}

// Draw a layer, the shapes first: they do not wait for what their colours mean.
async function show(layer) {
  if (!layer.info || layer.problem || !layers.includes(layer)) return tell();
  layer.draw(map, beneath());
  order();
  const turn = (layer.turn = (layer.turn ?? 0) + 1);
  byId("legend").setAttribute("aria-busy", "true");
  try {
    await layer.classify();
  } catch (error) {
    say(error.message, true);
  }
  if (turn !== layer.turn || !layers.includes(layer)) return;
  byId("legend").removeAttribute("aria-busy");
  restyle(layer);
}

function restyle(layer) {
  layer.draw(map, beneath());
  cards.get(layer)?.update();
  tell();
}

// Data lies under the borders of divebell's own background, and under the writing of any other.
function beneath() {
  if (!page.background) return "borders";
  return map.getStyle().layers.find((one) => one.type === "symbol")?.id;
}

function order() {
  const before = beneath();
  for (const layer of [...layers].reverse()) {
    for (const id of layer.ids) if (map.getLayer(id)) map.moveLayer(id, before);
  }
}

function list() {
  cards = new Map(layers.map((layer) => [layer, new Card(layer, { restyle, reclassify: show, move, remove })]));
  byId("layers").replaceChildren(...[...cards.values()].map((card) => card.element));
  byId("layers").classList.toggle("one", layers.length < 2);
  live.follow(layers.map((one) => one.choice.slug));
}

function move(layer, step) {
  const from = layers.indexOf(layer);
  const to = Math.min(layers.length - 1, Math.max(0, from + step));
  layers.splice(to, 0, ...layers.splice(from, 1));
  list();
  order();
  tell();
  cards.get(layer).element.querySelectorAll(".order button")[step < 0 ? 0 : 1].focus();
}

function remove(layer) {
  layer.erase(map);
  layers = layers.filter((one) => one !== layer);
  list();
  tell();
  byId("add").focus();
}

async function add(slug) {
  if (layers.some((one) => one.choice.slug === slug)) return;
  const layer = new Layer(page.root, usual(slug), keys++);
  layers = [layer, ...layers];
  await know(layer);
  list();
  await show(layer);
}

// A table has changed, or is gone: the same view of what is true now.
async function changed(slug, version) {
  const layer = layers.find((one) => one.choice.slug === slug);
  if (!layer) return;
  if (version !== null && version === layer.info?.divebell.version && !layer.gone) return;
  const before = choosable(layer);
  await know(layer);
  if (layer.gone || version === null) {
    layer.gone = true;
    layer.erase(map);
  }
  if (choosable(layer) !== before) list(); // else somebody may be choosing there just now
  if (layer.gone) return tell();
  await show(layer);
  byId("said").textContent = `${layer.title} has changed; the map shows it as it is now.`;
}

// What a layer's card is made of, besides what it brings up to date itself.
function choosable({ title, problem, gone, raster, info }) {
  return JSON.stringify([title, problem, gone, Boolean(raster), info?.divebell.fields]);
}

// --- words ---------------------------------------------------------------------------------------------------

// Say everywhere what the map shows now, and keep it in the address.
function tell() {
  const shown = layers.filter((one) => one.choice.shown && one.info && !one.problem && !one.gone);
  byId("legend").replaceChildren(...shown.map((one) => legend(one, shown.length === 1 && one.choice.slug === page.layer)));
  const own = layers.find((one) => one.choice.slug === page.layer);
  const gone = layers.filter((one) => one.gone).map((one) => one.title);
  if (gone.length) say(`${gone.join(", ")}: gone, or no longer shared.`, true);
  else if (own?.problem) say(own.problem, true);
  else say(own?.info ? own.raster?.sentence ?? sentence(own.info.divebell) : "");
  byId("said").textContent = spoken(shown);
  byId("notes").replaceChildren(...shown.flatMap((one) => [...one.info.divebell.notes, ...filtered(one)].map((note) => make("li", {}, note))));
  byId("searching").hidden = searchable(layers).length === 0;
  const view = placeIn(location.hash);
  history.replaceState(history.state, "", `#${view ? `${view}&` : ""}${encode(layers.map((one) => one.choice), page.layer)}`);
  tellCells();
}

function filtered({ choice, title }) {
  const { min, max, only } = choice;
  const column = choice.by || choice.column;
  if (!column || (min === null && max === null && only === null)) return [];
  const which = only ? only.join(", ") : [min === null ? "" : `at least ${min}`, max === null ? "" : `at most ${max}`].filter(Boolean).join(" and ");
  return [`Of ${title} only rows where ${column} is ${which}; the legend counts all.`];
}

function tellCells() {
  const zoom = Math.floor(map.getZoom());
  const gathered = layers.filter((one) => one.choice.shown && one.info && !one.problem && !one.gone && zoom < one.info.divebell.whole_from);
  byId("aggregated").hidden = gathered.length === 0;
  byId("aggregated-names").textContent = gathered.map((one) => one.title).join(", ");
}

function say(text, problem = false) {
  byId("status").textContent = text;
  byId("status").classList.toggle("problem", problem);
}

let retries = 0;

// The database may have been busy or just restarted: ask again a few times before saying so.
function tileProblem({ error, sourceId }) {
  if (!error) return;
  if (error.status === 503 && retries < 4 && map.getSource(sourceId)?.setTiles) {
    retries += 1;
    setTimeout(() => map.getSource(sourceId)?.setTiles(map.getSource(sourceId).tiles), 1500 * retries);
    return;
  }
  if (error.status === 404) return; // what is gone is told by the service
  say(error.status ? words(error.status) : `Part of the map could not be drawn: ${error.message ?? error}`, true);
}

// --- buttons -------------------------------------------------------------------------------------------------

function setUpButtons() {
  byId("fit").addEventListener("click", () => {
    const boxes = layers.filter((one) => one.choice.shown && one.info && !one.problem).map((one) => one.info.bounds);
    if (boxes.length) map.fitBounds(around(boxes), { padding: 24 });
  });
  byId("save").addEventListener("click", () => {
    const whose = byId("map").querySelector(".maplibregl-ctrl-attrib-inner")?.textContent ?? "";
    savePicture(map, layers, page.title, whose).catch((error) => say(error.message, true));
  });
  const change = byId("change");
  change.addEventListener("click", () => {
    const open = byId("page").classList.toggle("changing");
    change.setAttribute("aria-expanded", String(open));
    map.resize();
  });
  for (const close of document.querySelectorAll("dialog .close")) close.addEventListener("click", () => close.closest("dialog").close());
}

function around(boxes) {
  const [west, south, east, north] = [0, 1, 2, 3].map((i) => boxes.map((box) => box[i]));
  return [Math.min(...west), Math.min(...south), Math.max(...east), Math.max(...north)];
}

async function setUpCatalogue() {
  const select = byId("add");
  const all = await json(`${page.root}api/layers`).catch(() => []);
  byId("adding").hidden = all.length < 2;
  for (const one of all) {
    const words = one.schema === "data" ? one.table : `${one.table} by ${one.owner ?? one.schema}`;
    select.append(new Option(words, one.name));
  }
  select.addEventListener("change", async () => {
    const slug = select.value;
    select.value = "";
    if (slug) await add(slug);
  });
}
