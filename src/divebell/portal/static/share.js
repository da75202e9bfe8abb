// Sends a file, or a map's link, as somebody chose it in a form, and goes to where it is shown then.

const API = "/services/event/api/shared";

for (const form of document.querySelectorAll("#share, #share-map")) {
  form.addEventListener("submit", share);
  form.querySelector("button").disabled = false; // pressed earlier it would send the form nowhere and empty it
}

async function share(event) {
  event.preventDefault();
  const form = event.target;
  const file = form.elements.file?.files[0];
  const button = form.querySelector("button");
  if (file && file.size > Number(form.dataset.largest)) return refuse(form, "This file is larger than 10 MB.");
  say(form, "Sending and looking through it…");
  button.disabled = true;
  try {
    const answer = await fetch(`${API}?${asked(form, file)}`, {
      method: "POST",
      headers: { Accept: "application/json", "X-Form-Token": form.dataset.token },
      body: file ?? "",
    });
    const said = await answer.json().catch(() => ({}));
    if (answer.ok) location.assign(said.url);
    else refuse(form, said.error ?? `The event's pages answered ${answer.status}.`, said.next_step);
  } catch {
    refuse(form, "The event's pages do not answer.", "Try again in a minute.");
  } finally {
    button.disabled = false;
  }
}

function asked(form, file) {
  const words = new URLSearchParams();
  if (file) words.set("path", file.name);
  for (const name of ["map", "title", "description"]) {
    const field = form.elements[name];
    if (field?.value) words.set(name, field.value);
  }
  return words;
}

function say(form, words) {
  form.querySelector("[role=alert]").hidden = true;
  form.querySelector("[role=status]").textContent = words;
}

function refuse(form, reason, next = "") {
  say(form, "");
  const alert = form.querySelector("[role=alert]");
  alert.textContent = next ? `${reason} ${next[0].toUpperCase()}${next.slice(1)}` : reason;
  alert.hidden = false;
}
