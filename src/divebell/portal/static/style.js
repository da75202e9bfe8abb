// Colours and layers of the map. Pure: values in, values out.

export const ONE_COLOUR = "#2a7f9e";
export const NO_VALUE = "#b4b9be";
const RAMP = ["#f7efc8", "#c3e0b4", "#7cc4b2", "#3b9ab2", "#2a6aa3", "#2c3f87", "#221c56"];
const LIGHT = { sea: "#dfe8ee", land: "#f6f5f1", border: "#b9c0c6", state: "#9aa3ab" };
const DARK = { sea: "#141c24", land: "#27313a", border: "#4b5762", state: "#56626d" };

export function palette(count) {
  if (count === 1) return [RAMP[3]];
  return Array.from({ length: count }, (_, i) => mixed((i / (count - 1)) * (RAMP.length - 1)));
}

function mixed(place) {
  const below = Math.min(Math.floor(place), RAMP.length - 2);
  const share = place - below;
  const [a, b] = [RAMP[below], RAMP[below + 1]].map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  return `#${a.map((part, i) => Math.round(part + (b[i] - part) * share).toString(16).padStart(2, "0")).join("")}`;
}

// Classes include their upper bound, so this is no "step", which would include the lower one.
export function colourBy(classes, colours) {
  if (classes.length === 0) return NO_VALUE;
  const value = ["get", "value"];
  const cases = classes.slice(0, -1).flatMap((one, i) => [["<=", value, one.upper], colours[i]]);
  const coloured = cases.length ? ["case", ...cases, colours.at(-1)] : colours[0];
  return ["case", ["==", ["typeof", value], "number"], coloured, NO_VALUE];
}

export function backgroundStyle({ land, borders, states }, dark) {
  const tint = dark ? DARK : LIGHT;
  const lines = (id, colour, width, minzoom) => ({
    id, type: "line", source: id, minzoom, paint: { "line-color": colour, "line-width": width },
  });
  const geojson = (data) => ({ type: "geojson", data: new URL(data, location.href).href, tolerance: 0.3 });
  return {
    version: 8,
    sources: { land: geojson(land), borders: geojson(borders), states: geojson(states) },
    layers: [
      { id: "sea", type: "background", paint: { "background-color": tint.sea } },
      { id: "land", type: "fill", source: "land", paint: { "fill-color": tint.land, "fill-antialias": false } },
      lines("borders", tint.border, 1, 0),
      lines("states", tint.state, 0.7, 2.5),
    ],
  };
}

const single = ["!", ["has", "count"]];
const kind = (...types) => ["all", single, ["match", ["geometry-type"], types, true, false]];

export function dataLayers(name, colour) {
  const from = { source: "data", "source-layer": name };
  const growing = (near, far) => ["interpolate", ["linear"], ["zoom"], 4, near, 14, far];
  return [
    { id: "areas", type: "fill", ...from, filter: kind("Polygon", "MultiPolygon"),
      paint: { "fill-color": colour, "fill-opacity": 0.78 } },
    { id: "outlines", type: "line", ...from, filter: kind("Polygon", "MultiPolygon"),
      paint: { "line-color": "#22303c", "line-opacity": 0.45, "line-width": growing(0.25, 1.2) } },
    { id: "lines", type: "line", ...from, filter: kind("LineString", "MultiLineString"),
      paint: { "line-color": colour, "line-width": growing(1.2, 4) } },
    { id: "points", type: "circle", ...from, filter: kind("Point", "MultiPoint"),
      paint: { "circle-color": colour, "circle-radius": growing(2.6, 7), "circle-stroke-width": growing(0.1, 1),
        "circle-stroke-color": "#22303c", "circle-opacity": 0.85 } },
    { id: "grid", type: "circle", ...from, filter: ["has", "count"],
      paint: { "circle-color": colour, "circle-opacity": 0.85,
        "circle-radius": ["interpolate", ["linear"], ["log10", ["get", "count"]], 0, 2, 2, 2.6, 4, 3.4] } },
  ];
}
