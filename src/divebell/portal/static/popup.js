// What lies at one place, as text: nothing from a table is ever read as HTML.

import { written } from "./legend.js";

const MOST = 5;
const ATTRIBUTES = 14;

export async function describe(found, about, fetchFeature) {
  const box = document.createElement("div");
  const cells = found.filter((feature) => "count" in feature.properties);
  if (cells.length) {
    const { count, value } = cells[0].properties;
    const mean = typeof value === "number" ? `, mean ${written(value)}` : "";
    box.append(paragraph(`${written(count)} ${count === 1 ? "feature" : "features"} in this cell${mean}. Zoom in to see them.`));
    return box;
  }
  const distinct = [...new Map(found.map((one) => [one.id ?? JSON.stringify(one.properties), one])).values()];
  for (const one of distinct.slice(0, MOST)) box.append(await attributes(one, about, fetchFeature));
  if (distinct.length > MOST) box.append(paragraph(`and ${distinct.length - MOST} more here`));
  return box;
}

async function attributes(feature, about, fetchFeature) {
  if (!about.findable || feature.id === undefined) {
    return table(Object.entries(feature.properties).filter(([name]) => name !== "value"));
  }
  try {
    return table((await fetchFeature(feature.id)).attributes ?? []);
  } catch (error) {
    return paragraph(error.message);
  }
}

function table(pairs) {
  if (pairs.length === 0) return paragraph("It has no attributes.");
  const first = rows(pairs.slice(0, ATTRIBUTES));
  if (pairs.length <= ATTRIBUTES) return first;
  const both = document.createElement("div");
  const rest = document.createElement("details");
  const summary = document.createElement("summary");
  summary.textContent = `${pairs.length - ATTRIBUTES} more`;
  rest.append(summary, rows(pairs.slice(ATTRIBUTES)));
  both.append(first, rest);
  return both;
}

function rows(pairs) {
  const result = document.createElement("table");
  for (const [name, value] of pairs) {
    const row = result.insertRow();
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = name;
    row.append(head);
    row.insertCell().textContent = value ?? "–";
  }
  return result;
}

function paragraph(words) {
  const result = document.createElement("p");
  result.textContent = words;
  return result;
}
