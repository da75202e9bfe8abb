// What lies under the data. Natural Earth by default, or what the event file names. Pure but for `withBackground`.

const LIGHT = { sea: "#dfe8ee", land: "#f6f5f1", border: "#b9c0c6", state: "#9aa3ab", name: "#5b6671", halo: "#ffffffcc" };
const DARK = { sea: "#141c24", land: "#27313a", border: "#4b5762", state: "#56626d", name: "#aab6c0", halo: "#141c24cc" };
const FONT = ["system-ui, sans-serif"]; // no glyphs are fetched: the browser draws its own
export const NATURAL_EARTH = "Natural Earth, US Census Bureau";

export function naturalEarth({ land, borders, states, places }, dark) {
  const tint = dark ? DARK : LIGHT;
  const geojson = (data, more) => ({ type: "geojson", data: new URL(data, location.href).href, tolerance: 0.3, ...more });
  const lines = (id, colour, width, minzoom) => ({
    id, type: "line", source: id, minzoom, paint: { "line-color": colour, "line-width": width },
  });
  return {
    version: 8,
    sources: {
      land: geojson(land, { attribution: NATURAL_EARTH }), borders: geojson(borders), states: geojson(states), places: geojson(places),
    },
    layers: [
      { id: "sea", type: "background", paint: { "background-color": tint.sea } },
      { id: "land", type: "fill", source: "land", paint: { "fill-color": tint.land, "fill-antialias": false } },
      lines("borders", tint.border, 1, 0),
      lines("states", tint.state, 0.7, 2.5),
      ...["country", "state", "city"].map((kind) => names(kind, tint)),
    ],
  };
}

// A large country is named from far away, a small one from near by: `size` is the width of its largest part in degrees.
function names(kind, tint) {
  const near = { country: ["*", ["get", "size"], ["^", 2, ["zoom"]]], state: ["*", ["get", "size"], ["^", 2, ["zoom"]]], city: 1 }[kind];
  const from = { country: 1.5, state: 3.5, city: 4 }[kind];
  const wide = { country: 24, state: 40, city: 0 }[kind];
  return {
    id: `names-${kind}`, type: "symbol", source: "places", minzoom: from,
    filter: kind === "city" ? ["==", ["get", "kind"], kind] : ["all", ["==", ["get", "kind"], kind], [">=", near, wide]],
    layout: {
      "text-field": ["get", "name"], "text-font": FONT, "text-size": kind === "country" ? 12 : 11, "text-max-width": 8,
      "text-letter-spacing": kind === "city" ? 0 : 0.05, "symbol-sort-key": ["-", 0, ["get", "size"]],
    },
    paint: { "text-color": tint.name, "text-halo-color": tint.halo, "text-halo-width": 1.2 },
  };
}

// The style of what the event file names: tiles of pictures, a style, or a PMTiles file.
export async function chosenBackground(page, dark) {
  const under = naturalEarth(page, dark);
  if (page.background === "raster") return pictures(under, { tiles: [page.backgroundUrl] }, page.backgroundAttribution);
  if (page.background === "style") return new URL(page.backgroundUrl, location.href).href;
  if (page.background === "pmtiles") return archive(under, page, dark);
  return under;
}

function pictures(under, where, attribution) {
  const source = { type: "raster", tileSize: 256, attribution, ...where };
  const sources = { ...under.sources, background: source };
  const drawn = { id: "background", type: "raster", source: "background", paint: { "raster-saturation": -0.5 } };
  return { ...under, sources, layers: [...under.layers.filter((one) => !one.id.startsWith("names-")), drawn] };
}

async function archive(under, page, dark) {
  const url = new URL(page.backgroundUrl, location.href).href;
  const protocol = new pmtiles.Protocol({ metadata: true });
  const file = new pmtiles.PMTiles(url);
  protocol.add(file);
  maplibregl.addProtocol("pmtiles", protocol.tile);
  const [header, about] = await Promise.all([file.getHeader(), file.getMetadata()]);
  const attribution = plain(page.backgroundAttribution || about?.attribution || "");
  if (header.tileType !== pmtiles.TileType.Mvt) return pictures(under, { url: `pmtiles://${url}` }, attribution);
  const source = { type: "vector", url: `pmtiles://${url}`, attribution };
  const ids = (about?.vector_layers ?? []).map((one) => one.id);
  const layers = [...under.layers.filter((one) => one.type !== "symbol"), ...streets(ids, dark ? DARK : LIGHT)];
  return { ...under, sources: { ...under.sources, background: source }, layers };
}

// The layers of the two usual schemas of street maps, Protomaps' and OpenMapTiles', and whatever else there is as lines.
function streets(ids, tint) {
  const fill = (id, colour) => ({ id: `bg-${id}`, type: "fill", source: "background", "source-layer": id,
    filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": colour } });
  const line = (id, colour, far) => ({ id: `bg-${id}`, type: "line", source: "background", "source-layer": id,
    paint: { "line-color": colour, "line-width": ["interpolate", ["linear"], ["zoom"], 6, 0.4, 16, far] } });
  const drawn = {
    earth: fill("earth", tint.land), water: fill("water", tint.sea), buildings: fill("buildings", tint.border),
    building: fill("building", tint.border), roads: line("roads", tint.border, 5), transportation: line("transportation", tint.border, 5),
    boundaries: line("boundaries", tint.state, 1.5), boundary: line("boundary", tint.state, 1.5), places: writing("places", tint),
    place: writing("place", tint),
  };
  const known = Object.keys(drawn).filter((id) => ids.includes(id));
  return known.length ? known.map((id) => drawn[id]) : ids.map((id) => line(id, tint.border, 1.5));
}

function writing(id, tint) {
  return {
    id: `bg-${id}`, type: "symbol", source: "background", "source-layer": id,
    layout: { "text-field": ["get", "name"], "text-font": FONT, "text-size": 11, "text-max-width": 8 },
    paint: { "text-color": tint.name, "text-halo-color": tint.halo, "text-halo-width": 1.2 },
  };
}

// MapLibre shows attributions as HTML; what comes out of a file is to be words.
export function plain(html) {
  return String(html).replace(/<[^>]*>/g, "").replace(/[<>&"]/g, "");
}
