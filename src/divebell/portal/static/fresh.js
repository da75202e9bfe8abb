// Brings a part of the page up to date when the stamp it was made with changes; the page is complete without.

const SECONDS = 5;
const part = document.querySelector("[data-stamp]");
const stamp = `/services/event/api/${part?.dataset.from ?? "datasets/stamp"}`;

async function look() {
  if (document.hidden) return;
  const answer = await fetch(stamp, { headers: { Accept: "application/json" } });
  if (!answer.ok || (await answer.json()).stamp === part.dataset.stamp) return;
  const page = await fetch(location.href);
  if (!page.ok) return;
  const text = new DOMParser().parseFromString(await page.text(), "text/html");
  const fresh = text.getElementById(part.id);
  if (!fresh) return;
  const open = new Set([...part.querySelectorAll("details[open]")].map(place));
  const closed = new Set([...part.querySelectorAll("details:not([open])")].map(place));
  part.replaceChildren(...fresh.childNodes);
  part.dataset.stamp = fresh.dataset.stamp;
  for (const details of part.querySelectorAll("details")) {
    if (open.has(place(details))) details.open = true;
    if (closed.has(place(details))) details.open = false;
  }
}

// What was opened or closed stays so: it is found again by where it stands.
function place(details) {
  const card = details.closest(".card")?.querySelector("h3")?.textContent ?? "";
  return `${card}/${details.className}`;
}

if (part) setInterval(() => look().catch(() => {}), SECONDS * 1000);
