// What the colours and sizes mean: as rows first (the picture that is saved draws the same ones), then as a table.

import { NO_VALUE, ONE_COLOUR, OTHER } from "./colours.js";
import { make } from "./dom.js";
import { amount, range, written } from "./numbers.js";
import { LARGEST_RADIUS } from "./styling.js";

// Each row: colour, words, count (or null), and for sizes a radius.
export function rowsOf(layer) {
  if (layer.raster) return layer.raster.rows;
  const { column } = layer.choice;
  const { classes } = layer;
  const kinds = layer.info.divebell.types.join(", ") || "features";
  if (!column) return [{ colour: ONE_COLOUR, words: kinds, count: null }, ...sizes(layer)];
  if (!classes) return [];
  const rows = layer.numeric ? numbers(classes, layer.colours) : categories(classes, layer.colours);
  if (classes.missing) rows.push({ colour: NO_VALUE, words: "no value", count: classes.missing });
  if (rows.length === 0) rows.push({ colour: NO_VALUE, words: "no rows", count: null });
  return [...rows, ...sizes(layer)];
}

function numbers(breaks, colours) {
  return breaks.classes.map((one, i) => ({ colour: colours[i], words: range(breaks, i), count: one.count }));
}

function categories(found, colours) {
  const rows = found.categories.map((one, i) => ({ colour: colours[i], words: one.value === "" ? "(empty text)" : one.value, count: one.count }));
  if (found.other) rows.push({ colour: OTHER, words: "all others", count: found.other });
  return rows;
}

function sizes({ choice, largest }) {
  if (!choice.size || !(largest > 0)) return [];
  return [1, 0.25].map((share) => ({
    colour: "transparent", words: `${choice.size} ${written(largest * share)}`, count: null, radius: LARGEST_RADIUS * Math.sqrt(share),
  }));
}

// `alone`: the only layer, whose name stands above already.
export function legend(layer, alone) {
  const rows = rowsOf(layer);
  const counted = rows.some((row) => row.count !== null);
  const { column } = layer.choice;
  const head = [["Colour", false], [column ? "Value" : "Kind", false], [counted ? "Rows" : "", counted]].map(([words, seen]) =>
    make("th", { scope: "col" }, make("span", { className: seen ? "" : "unseen" }, words)));
  const body = rows.map((row) => make("tr", {},
    make("td", {}, swatch(row)), make("td", {}, row.words), make("td", {}, row.count === null ? "" : amount(row.count))));
  const title = [alone ? "" : layer.title, column].filter(Boolean).join(": ");
  return make("table", {}, title ? make("caption", {}, title) : null, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...body));
}

function swatch({ colour, radius }) {
  const element = make("span", { className: radius ? "swatch round" : "swatch" });
  element.style.backgroundColor = colour;
  if (radius) element.style.width = element.style.height = `${2 * radius}px`;
  return element;
}

// The same for whoever does not see the map.
export function spoken(layers) {
  const shown = layers.filter((one) => one.choice.shown && one.info);
  if (shown.length === 0) return "The map shows no layer.";
  return `The map shows ${shown.map((one) => one.title + (one.choice.column ? ` coloured by ${one.choice.column}` : "")).join(", and ")}.`;
}

export function sentence(about) {
  const rows = `${about.rows_exact ? "" : "about "}${amount(about.rows)} ${about.rows === 1 ? "row" : "rows"}`;
  const without = about.without_geometry ? `, ${amount(about.without_geometry)} of them without a geometry` : "";
  return `${rows}${without}. ${about.types.join(", ")}`;
}
