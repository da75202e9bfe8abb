// One table on a map. What can be chosen is kept in the address: #view=zoom/lat/lon&column=...&scheme=...&k=...

import { legend, sentence } from "./legend.js";
import { ONE_COLOUR, backgroundStyle, colourBy, dataLayers, palette } from "./style.js";
import { describe } from "./popup.js";

const page = document.getElementById("page").dataset;
const element = (id) => document.getElementById(id);
const CLICKED = ["points", "lines", "areas", "grid"];
const LIKE_A_CODE = /(^|_)(id|fid|gid|ogc_fid|objectid|geoid|fips|code|zip|lon|lat|longitude|latitude|x|y)\d*$/i;

main().catch((error) => problem(error.message));

async function main() {
  const info = await json(page.tilejson);
  const about = info.divebell;
  for (const note of about.notes) element("notes").append(item(note));
  element("status").textContent = sentence(about);
  if (about.reason) return problem(about.reason);
  const map = newMap(about);
  window.divebellMap = map; // for the console, and for tests
  const choice = setUpChoices(about, () => show(map, info, choice));
  map.on("load", () => show(map, info, choice));
  map.on("error", (event) => tileProblem(event.error, map));
  map.on("idle", () => {
    element("aggregated").hidden = map.queryRenderedFeatures({ layers: present(map, ["grid"]) }).length === 0;
  });
  setUpInspection(map, info);
  const fit = element("fit");
  fit.hidden = false;
  fit.addEventListener("click", () => map.fitBounds(info.bounds, { padding: 24 }));
}

function newMap(about) {
  maplibregl.setWorkerUrl(page.worker);
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const [west, south, east, north] = about.view;
  const map = new maplibregl.Map({
    container: "map",
    style: backgroundStyle(page, dark),
    bounds: [west, south, east, north],
    fitBoundsOptions: { padding: 24, maxZoom: 15 },
    hash: "view",
    maxZoom: 20,
    attributionControl: { compact: true, customAttribution: "Background: Natural Earth, US Census" },
    dragRotate: false,
    pitchWithRotate: false,
    fadeDuration: 0,
  });
  map.touchZoomRotate.disableRotation();
  map.addControl(new maplibregl.NavigationControl({ showCompass: false }), "top-left");
  map.addControl(new maplibregl.ScaleControl(), "bottom-left");
  return map;
}

// --- what is shown -------------------------------------------------------------------------------------------

let shows = 0;

async function show(map, info, choice) {
  const turn = ++shows;
  const { column, scheme, k } = choice();
  remember({ column, scheme, k });
  const tiles = info.tiles.map((url) => url.split("?")[0] + (column ? `?column=${encodeURIComponent(column)}` : ""));
  let breaks = null;
  draw(map, info, tiles, ONE_COLOUR); // the shapes do not wait for their colours
  if (column) {
    element("legend").setAttribute("aria-busy", "true");
    try {
      breaks = await json(`${page.breaks}?${new URLSearchParams({ column, scheme, k })}`);
    } catch (error) {
      problem(error.message);
    }
    element("legend").removeAttribute("aria-busy");
    if (turn !== shows) return; // something else has been chosen meanwhile
  }
  const colours = breaks ? palette(breaks.classes.length) : [];
  draw(map, info, tiles, breaks ? colourBy(breaks.classes, colours) : ONE_COLOUR);
  element("legend").replaceChildren(...legend(info.divebell, column, breaks, colours, ONE_COLOUR));
}

function draw(map, info, tiles, colour) {
  const source = map.getSource("data");
  if (!source) {
    map.addSource("data", { type: "vector", tiles, minzoom: 0, maxzoom: info.maxzoom, bounds: info.bounds });
    for (const layer of dataLayers(info.vector_layers[0].id, colour)) map.addLayer(layer, "states");
    return;
  }
  source.setTiles(tiles);
  for (const layer of dataLayers(info.vector_layers[0].id, colour))
    for (const [name, value] of Object.entries(layer.paint)) map.setPaintProperty(layer.id, name, value);
}

function setUpChoices(about, changed) {
  const [column, scheme, k] = ["column", "scheme", "k"].map(element);
  const numeric = about.fields.filter((field) => field.numeric);
  for (const field of numeric) column.append(new Option(field.name, field.name));
  const kept = recalled();
  const usual = numeric.find((field) => !LIKE_A_CODE.test(field.name))?.name ?? "";
  column.value = kept.has("column") ? kept.get("column") : usual;
  if (column.selectedIndex < 0) column.value = "";
  if ([...scheme.options].some((option) => option.value === kept.get("scheme"))) scheme.value = kept.get("scheme");
  if (/^[2-9]$/.test(kept.get("k") ?? "")) k.value = kept.get("k");
  element("choices").hidden = numeric.length === 0;
  const choose = () => {
    element("how").hidden = column.value === "";
    changed();
  };
  element("choices").addEventListener("change", choose);
  element("choices").addEventListener("submit", (event) => event.preventDefault());
  element("how").hidden = column.value === "";
  const classes = () => String(Math.min(9, Math.max(2, Math.round(Number(k.value)) || 5)));
  return () => ({ column: column.value, scheme: scheme.value, k: classes() });
}

function recalled() {
  return new URLSearchParams(location.hash.slice(1));
}

function remember(choice) {
  const view = /(?:^#|&)(view=[^&]*)/.exec(location.hash)?.[1];
  const rest = new URLSearchParams(choice).toString();
  history.replaceState(history.state, "", `#${view ? `${view}&` : ""}${rest}`);
}

// --- what a click shows --------------------------------------------------------------------------------------

function setUpInspection(map, info) {
  const popup = new maplibregl.Popup({ maxWidth: "22rem" });
  const inspect = async (point, lngLat) => {
    const around = [[point.x - 4, point.y - 4], [point.x + 4, point.y + 4]];
    const found = map.queryRenderedFeatures(around, { layers: present(map, CLICKED) });
    if (found.length === 0) return popup.remove();
    popup.setLngLat(lngLat).setDOMContent(await describe(found, info.divebell, fetchFeature)).addTo(map);
  };
  map.on("click", (event) => inspect(event.point, event.lngLat));
  map.on("mousemove", (event) => {
    const over = map.queryRenderedFeatures(event.point, { layers: present(map, CLICKED) }).length > 0;
    map.getCanvas().style.cursor = over ? "pointer" : "";
  });
  map.getCanvas().addEventListener("keydown", (event) => {
    if (event.key === "Enter") inspect(map.project(map.getCenter()), map.getCenter());
    if (event.key === "Escape") popup.remove();
  });
}

function fetchFeature(id) {
  return json(page.feature + id);
}

function present(map, names) {
  return names.filter((name) => map.getLayer(name));
}

// --- words ---------------------------------------------------------------------------------------------------

async function json(url) {
  const answer = await fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin" });
  const body = await answer.json().catch(() => ({}));
  if (answer.status === 401) throw new Error("You are signed out. Load the page again to sign in.");
  if (!answer.ok) throw new Error(body.error ?? `The event's web service answered ${answer.status}. Try again soon.`);
  return body;
}

let retries = 0;

// The database may have been busy or just restarted: ask again a few times before saying so.
function again(map) {
  if (retries >= 4) return false;
  retries += 1;
  setTimeout(() => map.getSource("data")?.setTiles(map.getSource("data").tiles), 1500 * retries);
  return true;
}

function tileProblem(error, map) {
  if (error?.status === 503 && again(map)) return;
  if (error?.status === 401) return problem("You are signed out. Load the page again to sign in.");
  if (error?.status === 503) return problem("Some of the map took the database too long. Zoom in, or wait and move it.");
  if (error?.status === 404) return problem("This table has just been changed, dropped, or is no longer shared.");
  if (error) problem(`Part of the map could not be drawn: ${error.message ?? error}`);
}

function problem(words) {
  element("status").textContent = words;
  element("status").classList.add("problem");
}

function item(words) {
  const li = document.createElement("li");
  li.textContent = words;
  return li;
}
