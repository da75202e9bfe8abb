// A link that keeps the whole view: as text, as a QR code made here, and as a frame for a report.

import { generate } from "../vendor/lean-qr.js";
import { byId } from "./dom.js";

export function setUpSharing(page) {
  const dialog = byId("sharing");
  byId("share").addEventListener("click", () => {
    const url = address(location.href);
    byId("link").value = url;
    byId("frame").value = frame(url, page.title);
    drawCode(byId("code"), url);
    dialog.showModal();
    byId("link").select();
  });
  for (const [pressed, field] of [["copy-link", "link"], ["copy-frame", "frame"]]) {
    byId(pressed).addEventListener("click", () => copy(byId(field), byId(pressed)));
  }
}

// The page's own address, also where it stands in a frame.
export function address(href) {
  const url = new URL(href);
  url.searchParams.delete("embed");
  return url.href;
}

export function frame(href, title) {
  const url = new URL(href);
  url.searchParams.set("embed", "1");
  const safe = (text) => text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
  return `<iframe src="${safe(url.href)}" title="${safe(title)}" width="100%" height="480" loading="lazy" allowfullscreen></iframe>`;
}

function drawCode(canvas, url) {
  try {
    generate(url).toCanvas(canvas, { on: [0, 0, 0, 255], off: [255, 255, 255, 255], pad: 4 });
    canvas.hidden = false;
  } catch {
    canvas.hidden = true; // longer than a QR code can be
  }
  byId("no-code").hidden = !canvas.hidden;
}

async function copy(field, pressed) {
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    document.execCommand("copy"); // without https there is no clipboard
  }
  pressed.textContent = "Copied";
  setTimeout(() => (pressed.textContent = "Copy"), 2000);
}
