// Palettes that colour-blind people can read. Pure: names and numbers in, colours out.
// Sequential and diverging ones are ColorBrewer's (Cynthia Brewer, Apache-2.0), the one for categories is CARTO's "Safe"
// (CC-BY), viridis is matplotlib's (CC0).

export const ONE_COLOUR = "#2a7f9e";
export const NO_VALUE = "#b4b9be";
export const OTHER = "#d3cab8";

export const SEQUENTIAL = {
  YlGnBu: ["#ffffd9", "#edf8b1", "#c7e9b4", "#7fcdbb", "#41b6c4", "#1d91c0", "#225ea8", "#253494", "#081d58"],
  OrRd: ["#fff7ec", "#fee8c8", "#fdd49e", "#fdbb84", "#fc8d59", "#ef6548", "#d7301f", "#b30000", "#7f0000"],
  Purples: ["#fcfbfd", "#efedf5", "#dadaeb", "#bcbddc", "#9e9ac8", "#807dba", "#6a51a3", "#54278f", "#3f007d"],
  viridis: ["#fde725", "#addc30", "#5ec962", "#28ae80", "#21918c", "#2c728e", "#3b528b", "#472d7b", "#440154"],
};

export const DIVERGING = {
  PuOr: ["#7f3b08", "#b35806", "#e08214", "#fdb863", "#fee0b6", "#f7f7f7", "#d8daeb", "#b2abd2", "#8073ac", "#542788", "#2d004b"],
  RdBu: ["#67001f", "#b2182b", "#d6604d", "#f4a582", "#fddbc7", "#f7f7f7", "#d1e5f0", "#92c5de", "#4393c3", "#2166ac", "#053061"],
  BrBG: ["#543005", "#8c510a", "#bf812d", "#dfc27d", "#f6e8c3", "#f5f5f5", "#c7eae5", "#80cdc1", "#35978f", "#01665e", "#003c30"],
};

const SAFE = ["#88ccee", "#cc6677", "#ddcc77", "#117733", "#332288", "#aa4499", "#44aa99", "#999933", "#882255", "#661100", "#6699cc"];

export function crossesZero(classes) {
  return classes.length > 1 && classes[0].lower < 0 && classes.at(-1).upper > 0;
}

// The palettes that suit classes of numbers, the usual one first.
export function palettes(classes) {
  return Object.keys(crossesZero(classes) ? DIVERGING : SEQUENTIAL);
}

// A colour for each class. A palette that does not suit them gives way to the usual one.
export function coloursOf(classes, palette) {
  if (crossesZero(classes)) return around(classes, DIVERGING[palette] ?? DIVERGING.PuOr);
  const ramp = SEQUENTIAL[palette] ?? SEQUENTIAL.YlGnBu;
  if (classes.length === 1) return [at(ramp, 0.6)];
  return classes.map((_, i) => at(ramp, 0.08 + (0.92 * i) / (classes.length - 1)));
}

export function coloursOfCategories(count) {
  return Array.from({ length: count }, (_, i) => SAFE[i] ?? OTHER);
}

// Zero is the middle: classes equally far from it, counted in classes, are equally strong.
function around(classes, ramp) {
  const below = classes.filter((one) => one.upper <= 0).length;
  const above = classes.filter((one) => one.lower >= 0).length;
  const most = Math.max(below, above, 1);
  return classes.map((one, i) => {
    if (one.upper <= 0) return at(ramp, 0.5 - (0.45 * (below - i)) / most);
    if (one.lower >= 0) return at(ramp, 0.5 + (0.45 * (i - (classes.length - above) + 1)) / most);
    return at(ramp, 0.5);
  });
}

function at(ramp, share) {
  const place = share * (ramp.length - 1);
  const below = Math.min(Math.floor(place), ramp.length - 2);
  const [a, b] = [ramp[below], ramp[below + 1]].map((hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)));
  const mixed = a.map((part, i) => Math.round(part + (b[i] - part) * (place - below)));
  return `#${mixed.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}
