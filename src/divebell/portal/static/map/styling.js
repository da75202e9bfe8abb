// How classes and categories become MapLibre's layers. Pure: values in, values out.

import { NO_VALUE, OTHER } from "./colours.js";

export const KINDS = ["areas", "outlines", "lines", "points", "grid"];
const EDGE = "#22303c";
const VALUE = ["get", "value"];

// Classes include their upper bound, so this is no "step", which would include the lower one.
export function colourByNumber(classes, colours) {
  if (classes.length === 0) return NO_VALUE;
  const cases = classes.slice(0, -1).flatMap((one, i) => [["<=", VALUE, one.upper], colours[i]]);
  const coloured = cases.length ? ["case", ...cases, colours.at(-1)] : colours[0];
  return ["case", ["==", ["typeof", VALUE], "number"], coloured, NO_VALUE];
}

export function colourByCategory(categories, colours) {
  if (categories.length === 0) return NO_VALUE;
  const cases = categories.flatMap((one, i) => [one.value, colours[i]]);
  return ["case", ["==", ["typeof", VALUE], "string"], ["match", VALUE, ...cases, OTHER], NO_VALUE];
}

const single = ["!", ["has", "count"]];
const kind = (...types) => ["all", single, ["match", ["geometry-type"], types, true, false]];
const growing = (near, far) => ["interpolate", ["linear"], ["zoom"], 4, near, 14, far];

// `size`: null, or the largest value of the column that points are sized by; their areas are in proportion.
export function dataLayers({ key, source, name, colour, opacity, shown, size }) {
  const from = { source, "source-layer": name, layout: { visibility: shown ? "visible" : "none" } };
  return [
    { id: `areas-${key}`, type: "fill", ...from, filter: kind("Polygon", "MultiPolygon"),
      paint: { "fill-color": colour, "fill-opacity": opacity } },
    { id: `outlines-${key}`, type: "line", ...from, filter: kind("Polygon", "MultiPolygon"),
      paint: { "line-color": EDGE, "line-opacity": opacity / 2, "line-width": growing(0.25, 1.2) } },
    { id: `lines-${key}`, type: "line", ...from, filter: kind("LineString", "MultiLineString"),
      paint: { "line-color": colour, "line-opacity": opacity, "line-width": growing(1.2, 4) } },
    { id: `points-${key}`, type: "circle", ...from, filter: kind("Point", "MultiPoint"),
      paint: { "circle-color": colour, "circle-opacity": opacity, "circle-radius": size === null ? growing(2.6, 7) : sized(size),
        "circle-stroke-width": growing(0.1, 1), "circle-stroke-color": EDGE, "circle-stroke-opacity": opacity } },
    { id: `grid-${key}`, type: "circle", ...from, filter: ["has", "count"],
      paint: { "circle-color": colour, "circle-opacity": opacity,
        "circle-radius": ["interpolate", ["linear"], ["log10", ["get", "count"]], 0, 2, 2, 2.6, 4, 3.4] } },
  ];
}

export const LARGEST_RADIUS = 18;

function sized(largest) {
  const number = ["to-number", ["get", "size"], 0];
  const share = ["sqrt", ["max", 0, ["/", number, largest > 0 ? largest : 1]]];
  return ["max", 1.5, ["*", LARGEST_RADIUS, share]];
}
