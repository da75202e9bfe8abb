// Numbers and amounts as words.

const plain = new Intl.NumberFormat("en", { maximumSignificantDigits: 6, useGrouping: "min2" });
const whole = new Intl.NumberFormat("en");
const large = new Intl.NumberFormat("en", { notation: "scientific", maximumSignificantDigits: 4 });

export function written(number) {
  const size = Math.abs(number);
  return (size !== 0 && (size < 1e-4 || size >= 1e12) ? large : plain).format(number);
}

export function amount(number) {
  return whole.format(number);
}

// "0 to 5", "over 5 to 10": a class includes its upper bound, the first its lower one as well.
export function range(breaks, i) {
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
