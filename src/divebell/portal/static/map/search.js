// Find a place by the names that the event's own layers know.

import { byId, button, make } from "./dom.js";
import { json } from "./service.js";

const WAIT = 250; // ms after the last key
const LAYERS = 3;

// `go(layer, result)` is called with what was chosen.
export function setUpSearch(layers, go) {
  const field = byId("find");
  const list = byId("found");
  let timer = 0;
  let turn = 0;
  const look = async () => {
    const q = field.value.trim();
    const mine = ++turn;
    if (q === "") return list.replaceChildren();
    const results = await ask(layers(), q);
    if (mine !== turn) return;
    const chosen = (layer, result) => {
      list.replaceChildren();
      go(layer, result);
    };
    list.replaceChildren(...results.map(([layer, result]) => line(layer, result, chosen)));
    if (results.length === 0) list.append(make("li", { className: "hint" }, `No name begins with or holds “${q}”.`));
  };
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, WAIT);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") list.replaceChildren();
  });
}

export function searchable(layers) {
  const able = (layer) => layer.choice.shown && layer.info?.divebell.findable && layer.info.divebell.names?.length > 0;
  return layers.filter(able).slice(0, LAYERS);
}

async function ask(layers, q) {
  const answers = await Promise.all(searchable(layers).map(async (layer) => {
    const found = await json(layer.at.search(q)).catch(() => ({ results: [] }));
    return found.results.map((result) => [layer, result]);
  }));
  return answers.flat();
}

function line(layer, result, chosen) {
  const words = make("span", {}, result.label, " ", make("small", {}, `${layer.title}, ${result.column}`));
  return make("li", {}, button(words, () => chosen(layer, result)));
}
