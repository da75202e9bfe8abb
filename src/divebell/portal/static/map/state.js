// What is shown, as the part of the address after "#", and back. Pure.
// #view=zoom/lat/lon&column=rate&scheme=quantiles&k=5 speaks of the page's own layer; with several, or another order,
// each begins with layer=schema.table, the topmost first.

export const SCHEMES = ["quantiles", "natural", "equal", "diverging"];
export const STATISTICS = ["mean", "sum", "min", "max", "count"];
const LEAST_OPACITY = 0.05;

// `column` null: not chosen yet, the map chooses; "" is one colour. `by`: the column that rows are chosen by, "" is the one
// of the colours. `only` null: every value.
export function usual(slug) {
  return {
    slug, column: null, scheme: "quantiles", k: 5, palette: "", size: "", stat: "mean", opacity: 0.8, shown: true,
    by: "", min: null, max: null, only: null,
  };
}

export function encode(layers, own) {
  const parts = [];
  const alone = layers.length === 1 && layers[0].slug === own;
  if (layers.length === 0) parts.push(["layer", ""]);
  for (const layer of layers) {
    if (!alone) parts.push(["layer", layer.slug]);
    parts.push(...choices(layer));
  }
  return parts.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&");
}

function choices(layer) {
  const before = usual(layer.slug);
  const parts = [];
  if (layer.column !== null) parts.push(["column", layer.column]);
  if (layer.column) parts.push(["scheme", layer.scheme], ["k", layer.k]);
  for (const name of ["palette", "size", "stat", "opacity", "by", "min", "max"]) {
    if (layer[name] !== before[name]) parts.push([name, layer[name]]);
  }
  if (!layer.shown) parts.push(["shown", "no"]);
  for (const value of layer.only ?? []) parts.push(["only", value]);
  return parts;
}

export function decode(hash, own) {
  const layers = [];
  let named = false;
  let current = usual(own);
  for (const [name, value] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (name === "layer") {
      named = true;
      current = usual(value);
      if (value && !layers.some((one) => one.slug === value)) layers.push(current);
    } else {
      take(current, name, value);
    }
  }
  return named ? layers : [current];
}

// Whatever cannot be is left out: half an address may have been copied.
function take(layer, name, value) {
  const number = value.trim() === "" ? NaN : Number(value);
  if (["column", "palette", "size", "by"].includes(name)) layer[name] = value;
  if (name === "scheme" && SCHEMES.includes(value)) layer.scheme = value;
  if (name === "stat" && STATISTICS.includes(value)) layer.stat = value;
  if (name === "k" && /^[2-9]$/.test(value)) layer.k = number;
  if (name === "opacity" && Number.isFinite(number)) layer.opacity = Math.min(1, Math.max(LEAST_OPACITY, number));
  if ((name === "min" || name === "max") && Number.isFinite(number)) layer[name] = number;
  if (name === "shown") layer.shown = value !== "no";
  if (name === "only") layer.only = [...(layer.only ?? []), value];
}

// The place in an address, which MapLibre itself keeps: "view=3.5/40/-90".
export function placeIn(hash) {
  return /(?:^#?|&)(view=[^&]*)/.exec(hash)?.[1] ?? null;
}
