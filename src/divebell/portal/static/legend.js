// Words and numbers beside the map.

import { NO_VALUE } from "./style.js";

const plain = new Intl.NumberFormat("en", { maximumSignificantDigits: 6, useGrouping: "min2" });
const whole = new Intl.NumberFormat("en");
const large = new Intl.NumberFormat("en", { notation: "scientific", maximumSignificantDigits: 4 });

export function written(number) {
  const size = Math.abs(number);
  return (size !== 0 && (size < 1e-4 || size >= 1e12) ? large : plain).format(number);
}

export function sentence(about) {
  const rows = `${about.rows_exact ? "" : "about "}${whole.format(about.rows)} ${about.rows === 1 ? "row" : "rows"}`;
  const without = about.without_geometry ? `, ${whole.format(about.without_geometry)} of them without a geometry` : "";
  return `${rows}${without}. ${about.types.join(", ")}`;
}

export function legend(about, column, breaks, colours, one) {
  if (!column) return [table("", [[one, about.types.join(", ") || "features", ""]])];
  if (!breaks) return [];
  const rows = breaks.classes.map((each, i) => [colours[i], range(breaks, i), whole.format(each.count)]);
  if (breaks.missing) rows.push([NO_VALUE, "no value", whole.format(breaks.missing)]);
  if (rows.length === 0) rows.push([NO_VALUE, "no rows", ""]);
  return [table(column, rows)];
}

function range(breaks, i) {
  const { lower, upper } = breaks.classes[i];
  if (breaks.discrete || lower === upper) return written(upper);
  const [from, to] = [lower, upper].map(roundedTo(breaks));
  return i === 0 ? `${from} to ${to}` : `over ${from} to ${to}`;
}

// As many decimals as tell the classes apart, and two more.
function roundedTo({ classes }) {
  const width = Math.min(...classes.map((one) => one.upper - one.lower).filter((size) => size > 0));
  const decimals = Math.min(12, Math.max(0, 2 - Math.floor(Math.log10(width))));
  return (number) => written(Number(number.toFixed(decimals)));
}

function table(title, rows) {
  const result = document.createElement("table");
  if (title) result.createCaption().textContent = title;
  const head = result.createTHead().insertRow();
  for (const words of ["Colour", title ? "Value" : "Kind", title ? "Rows" : ""]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    const label = document.createElement("span");
    label.className = words === "Rows" ? "" : "unseen";
    label.textContent = words;
    cell.append(label);
    head.append(cell);
  }
  const body = result.createTBody();
  for (const [colour, words, count] of rows) {
    const row = body.insertRow();
    const swatch = document.createElement("span");
    swatch.className = "swatch";
    swatch.style.backgroundColor = colour;
    row.insertCell().append(swatch);
    row.insertCell().textContent = words;
    row.insertCell().textContent = count;
  }
  return result;
}
