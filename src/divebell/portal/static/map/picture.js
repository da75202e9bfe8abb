// The map as a picture to keep: title, map, legend, scale and whose data the background is.

import { byId } from "./dom.js";
import { rowsOf } from "./legend.js";
import { amount } from "./numbers.js";
import { LARGEST_RADIUS } from "./styling.js";

const EDGE = 24;
const LINE = 20;

export async function savePicture(map, layers, title, attribution) {
  const drawn = await snapshot(map);
  const shown = layers.filter((one) => one.choice.shown && one.info);
  const scale = drawn.width / map.getCanvas().clientWidth;
  const width = drawn.width / scale;
  const entries = shown.flatMap((layer) => [{ heading: [layer.title, layer.choice.column].filter(Boolean).join(": ") }, ...rowsOf(layer)]);
  const legendHeight = EDGE + entries.reduce((sum, entry) => sum + tall(entry), 0);
  const height = 56 + drawn.height / scale + legendHeight + 28;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width * scale, height * scale];
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  pen.fillStyle = "#ffffff";
  pen.fillRect(0, 0, width, height);
  words(pen, title, EDGE, 36, "600 20px system-ui, sans-serif");
  pen.drawImage(drawn, 0, 56, width, drawn.height / scale);
  scaleBar(pen, 56 + drawn.height / scale);
  let y = 56 + drawn.height / scale + EDGE;
  for (const entry of entries) {
    row(pen, entry, y, width);
    y += tall(entry);
  }
  words(pen, attribution, EDGE, height - 12, "11px system-ui, sans-serif", "#52606d");
  download(await new Promise((done) => canvas.toBlob(done, "image/png")), `${title.replace(/[^\p{L}\p{N}._-]+/gu, "-")}.png`);
}

// WebGL forgets what it drew as soon as it is shown: it is copied while it is being drawn.
function snapshot(map) {
  return new Promise((done) => {
    map.once("render", () => {
      const from = map.getCanvas();
      const copy = document.createElement("canvas");
      [copy.width, copy.height] = [from.width, from.height];
      copy.getContext("2d").drawImage(from, 0, 0);
      done(copy);
    });
    map.triggerRepaint();
  });
}

function tall({ radius }) {
  return radius ? Math.max(LINE, 2 * radius + 6) : LINE;
}

// As long, and with the same words, as the one on the page.
function scaleBar(pen, bottom) {
  const bar = byId("map").querySelector(".maplibregl-ctrl-scale");
  if (!bar) return;
  pen.fillStyle = "#ffffffcc";
  pen.fillRect(10, bottom - 32, bar.offsetWidth, 22);
  pen.strokeStyle = "#333333";
  pen.strokeRect(10, bottom - 10, bar.offsetWidth, 0.5);
  words(pen, bar.textContent, 14, bottom - 16, "11px system-ui, sans-serif");
}

function row(pen, entry, y, width) {
  if (entry.heading) return words(pen, entry.heading, EDGE, y, "600 13px system-ui, sans-serif");
  if (entry.radius) {
    pen.strokeStyle = "#1c2733";
    pen.beginPath();
    pen.arc(EDGE + LARGEST_RADIUS, y + tall(entry) / 2 - 12, entry.radius, 0, 2 * Math.PI);
    pen.stroke();
    return words(pen, entry.words, EDGE + 48, y + tall(entry) / 2 - 8, "13px system-ui, sans-serif");
  }
  pen.fillStyle = entry.colour;
  pen.fillRect(EDGE, y - 11, 24, 14);
  pen.strokeStyle = "#00000044";
  pen.strokeRect(EDGE, y - 11, 24, 14);
  words(pen, entry.words, EDGE + 34, y, "13px system-ui, sans-serif", "#1c2733", Math.min(width - 2 * EDGE - 110, 420));
  if (entry.count === null) return;
  words(pen, amount(entry.count), Math.min(width - EDGE - 60, EDGE + 470), y, "13px system-ui, sans-serif", "#52606d");
}

function words(pen, text, x, y, font, colour = "#1c2733", room = undefined) {
  pen.font = font;
  pen.fillStyle = colour;
  pen.fillText(text.length > 120 ? `${text.slice(0, 119)}…` : text, x, y, room);
}

function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  byId("said").textContent = `Saved as ${name}.`;
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
