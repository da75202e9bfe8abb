// The controls of one layer: what it is coloured by, how, in which order, and which rows are left out.

import { palettes } from "./colours.js";
import { button, choice, labelled, make } from "./dom.js";
import { amount } from "./numbers.js";
import { json } from "./service.js";
import { SCHEMES, STATISTICS } from "./state.js";

const SCHEME_WORDS = {
  quantiles: "equal counts (quantiles)", natural: "natural breaks", equal: "equal intervals", diverging: "equal steps from zero",
};
const MOST_VALUES = 50;

// `does`: restyle(layer), reclassify(layer), move(layer, step), remove(layer)
export class Card {
  constructor(layer, does) {
    this.layer = layer;
    this.does = does;
    this.element = make("li", { className: "layer" });
    this.said = make("p", { className: "hint", hidden: true });
    const heading = make("h3", { className: "name" }, layer.title);
    const order = make("span", { className: "order" },
      button("↑", () => does.move(layer, -1), { "aria-label": `Draw ${layer.title} above` }),
      button("↓", () => does.move(layer, 1), { "aria-label": `Draw ${layer.title} below` }),
      button("×", () => does.remove(layer), { "aria-label": `Take ${layer.title} off the map` }));
    this.element.append(make("div", { className: "head" }, heading, order), this.said);
    if (layer.info && !layer.problem && !layer.gone) this.element.append(...this.controls());
    this.update();
  }

  controls() {
    const { layer } = this;
    if (layer.raster) return [this.shownBox(), this.opacity()];
    this.column = this.select("column", "Colour by", columns(layer.info.divebell.fields), () => this.recolumn());
    this.scheme = this.select("scheme", "Classes", SCHEMES.map((name) => [name, SCHEME_WORDS[name]]));
    const counts = [2, 3, 4, 5, 6, 7, 8, 9].map((k) => [String(k), String(k)]);
    this.k = this.select("k", "How many", counts, null, Number);
    this.palette = this.select("palette", "Palette", [["", "the usual one"]], () => this.look());
    this.stat = this.select("stat", "Cells show the", STATISTICS.map((name) => [name, name]));
    const sizes = layer.info.divebell.fields.filter((one) => one.numeric).map((one) => [one.name, one.name]);
    this.size = this.select("size", "Size of points by", [["", "all the same"], ...sizes]);
    this.filter = make("details", { className: "filter" }, make("summary", {}, "Show only some"), make("div", {}), make("div", { className: "which" }));
    this.filter.addEventListener("toggle", () => this.filter.open && this.fillFilter());
    return [this.shownBox(), this.column, this.scheme, this.k, this.palette, this.stat, this.size, this.opacity(), this.filter];
  }

  select(name, words, options, changed = null, read = String) {
    const { layer } = this;
    const taken = (value) => {
      layer.choice[name] = read(value);
      (changed ?? (() => this.does.reclassify(layer)))();
    };
    return labelled(words, choice(options, String(layer.choice[name] ?? ""), taken, { "data-choice": name }));
  }

  shownBox() {
    const { choice: chosen } = this.layer;
    const box = make("input", { type: "checkbox", checked: chosen.shown, "data-choice": "shown" });
    box.addEventListener("change", () => {
      chosen.shown = box.checked;
      this.does.restyle(this.layer);
    });
    return make("label", { className: "tick" }, box, " Show this layer");
  }

  opacity() {
    const { choice: chosen } = this.layer;
    const slider = make("input", { type: "range", min: "0.1", max: "1", step: "0.05", value: String(chosen.opacity), "data-choice": "opacity" });
    slider.addEventListener("input", () => {
      chosen.opacity = Number(slider.value);
      this.does.restyle(this.layer);
    });
    return labelled("Opacity", slider);
  }

  recolumn() {
    const { choice: chosen } = this.layer;
    chosen.palette = "";
    if (!chosen.by) Object.assign(chosen, { min: null, max: null, only: null });
    this.filter.open = false;
    this.does.reclassify(this.layer);
  }

  look() {
    this.layer.paint();
    this.does.restyle(this.layer);
  }

  // Show what can be chosen now.
  update() {
    const { layer } = this;
    const trouble = layer.gone ? "This table is gone, or no longer shared. It comes back here when it does." : layer.problem;
    this.said.textContent = trouble ?? "";
    this.said.hidden = !trouble;
    if (!this.column) return;
    const { choice: chosen, info } = layer;
    const numbers = Boolean(chosen.column) && layer.numeric;
    for (const control of [this.scheme, this.k, this.palette]) control.hidden = !numbers;
    this.stat.hidden = !numbers || !(info.divebell.whole_from > 0);
    this.size.hidden = !["point", "mixed"].includes(info.divebell.geometry) || !this.size.querySelector("option + option");
    this.filter.hidden = info.divebell.fields.length === 0;
    this.updatePalettes();
  }

  updatePalettes() {
    const { choice: chosen, classes } = this.layer;
    if (!classes?.classes) return;
    const names = palettes(classes.classes);
    const select = this.palette.querySelector("select");
    select.replaceChildren(...names.map((name) => new Option(name, name)));
    select.value = names.includes(chosen.palette) ? chosen.palette : names[0];
  }

  fillFilter() {
    const { column } = this.layer.choice;
    const others = columns(this.layer.info.divebell.fields).filter(([name]) => name && name !== column);
    const usual = column ? `${column}, as the colours` : "choose a column";
    const chooser = this.select("by", "By", [["", usual], ...others], () => this.rechoose());
    this.filter.querySelector("div").replaceChildren(chooser);
    this.fillWhich();
  }

  rechoose() {
    Object.assign(this.layer.choice, { min: null, max: null, only: null });
    this.fillWhich();
    this.does.restyle(this.layer);
  }

  async fillWhich() {
    const { layer } = this;
    const room = this.filter.querySelector(".which");
    const column = layer.chooser;
    room.replaceChildren();
    if (!column) return;
    if (layer.choosesNumbers) return room.append(this.bound("min", "At least"), this.bound("max", "At most"));
    const found = await json(layer.at.categories(column, MOST_VALUES));
    if (column !== layer.chooser) return; // another was chosen meanwhile
    room.replaceChildren(...found.categories.map((one) => this.tick(one, found.categories)));
    if (found.other) room.append(make("p", { className: "hint" }, `The ${amount(found.categories.length)} commonest of ${amount(found.distinct)} values.`));
  }

  bound(name, words) {
    const { layer } = this;
    const input = make("input", { type: "number", step: "any", inputMode: "decimal", value: layer.choice[name] ?? "", "data-choice": name });
    input.addEventListener("change", () => {
      layer.choice[name] = input.value.trim() === "" || !Number.isFinite(input.valueAsNumber) ? null : input.valueAsNumber;
      this.does.restyle(layer);
    });
    return labelled(words, input);
  }

  tick({ value, count }, all) {
    const { choice: chosen } = this.layer;
    const box = make("input", { type: "checkbox", value, checked: chosen.only === null || chosen.only.includes(value), "data-choice": "only" });
    box.addEventListener("change", () => {
      const ticked = [...this.filter.querySelectorAll("input:checked")].map((one) => one.value);
      chosen.only = ticked.length === all.length || ticked.length === 0 ? null : ticked;
      this.does.restyle(this.layer);
    });
    return make("label", { className: "tick" }, box, ` ${value === "" ? "(empty text)" : value} `, make("small", {}, amount(count)));
  }
}

function columns(fields) {
  const words = { number: "", category: " (kinds)", time: " (times)", code: " (codes)", other: "" };
  const useful = fields.filter((one) => one.kind !== "other" || one.numeric);
  const rest = fields.filter((one) => !useful.includes(one));
  return [["", "one colour"], ...[...useful, ...rest].map((one) => [one.name, `${one.name}${words[one.kind] ?? ""}`])];
}
