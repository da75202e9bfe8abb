// What is asked of the event's web service.

const PATIENCE = 60_000; // ms

// Where the service says that it is back in some seconds, as while the database starts again, it is asked again then.
export async function json(url, until = Date.now() + PATIENCE) {
  const answer = await fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin" });
  const seconds = Number(answer.headers.get("Retry-After"));
  if (answer.status === 503 && seconds > 0 && Date.now() < until) {
    await new Promise((done) => setTimeout(done, 1000 * seconds));
    return json(url, until);
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(words(answer.status, body.error)), { status: answer.status });
  return body;
}

export function words(status, said) {
  if (status === 401) return "You are signed out. Load the page again to sign in.";
  if (said) return said;
  if (status === 404) return "This table has just been changed, dropped, or is no longer shared.";
  if (status === 503) return "This took the database too long. Zoom in, or wait and move the map.";
  return `The event's web service answered ${status}. Try again soon.`;
}

export function addresses(root, slug) {
  const base = `${root}tiles/${encodeURIComponent(slug)}`;
  return {
    about: `${base}.json`,
    tiles: (choice, numeric, version) => `${new URL(base, location.href)}/{z}/{x}/{y}.mvt${asked(choice, numeric, version)}`,
    breaks: ({ column, scheme, k }) => `${base}/breaks?${new URLSearchParams({ column, scheme, k })}`,
    categories: (column, limit) => `${base}/categories?${new URLSearchParams({ column, limit })}`,
    search: (q) => `${base}/search?${new URLSearchParams({ q })}`,
    feature: (id) => `${base}/feature/${id}`,
  };
}

// The part of a tile's address that says what its features carry, and which there are. `numeric`: the column that rows
// are chosen by is a number.
export function asked(choice, numeric, version) {
  const parts = new URLSearchParams();
  if (choice.column) parts.set("column", choice.column);
  if (choice.size) parts.set("size", choice.size);
  if (choice.stat !== "mean") parts.set("stat", choice.stat);
  for (const [name, value] of chosen(choice, numeric)) parts.append(name, value);
  if (version) parts.set("v", version);
  const text = parts.toString();
  return text ? `?${text}` : "";
}

function chosen(choice, numeric) {
  if (!(choice.by || choice.column)) return [];
  const ends = ["min", "max"].filter((end) => choice[end] !== null).map((end) => [end, choice[end]]);
  const parts = numeric ? ends : (choice.only ?? []).map((value) => ["only", value]);
  return choice.by && parts.length ? [["by", choice.by], ...parts] : parts;
}
