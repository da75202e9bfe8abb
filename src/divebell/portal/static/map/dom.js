// Elements made of text: nothing from a table is ever read as HTML.

export function byId(id) {
  return document.getElementById(id);
}

// make("p", { className: "hint" }, "words", otherElement)
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function button(words, pressed, properties = {}) {
  const element = make("button", { type: "button", className: "quiet", ...properties }, words);
  element.addEventListener("click", pressed);
  return element;
}

// <label>words <control></label>
export function labelled(words, control) {
  return make("label", {}, `${words} `, control);
}

export function choice(options, chosen, changed, properties = {}) {
  const element = make("select", properties);
  for (const [value, words] of options) element.append(new Option(words, value, false, value === chosen));
  element.value = chosen;
  if (element.selectedIndex < 0) element.selectedIndex = 0;
  element.addEventListener("change", () => changed(element.value));
  return element;
}

export function facts(pairs) {
  const body = make("tbody");
  for (const [name, value] of pairs) {
    body.append(make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, shown(value))));
  }
  return make("table", {}, body);
}

// A value as text, or as a link where it is the address of a web page.
export function shown(value) {
  if (value === null || value === undefined) return "–";
  const text = String(value);
  if (!/^https?:\/\/\S+$/i.test(text) || !URL.canParse(text)) return text;
  return make("a", { href: text, target: "_blank", rel: "noopener noreferrer nofollow" }, text);
}
