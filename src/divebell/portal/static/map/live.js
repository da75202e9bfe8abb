// Hear of changes to the tables that are shown.

import { json } from "./service.js";

const ASK_AGAIN = 30_000; // ms, where the service tells nothing by itself

export class Live {
  // `changed(name, version)`: version is null when the table is gone.
  constructor(root, changed) {
    this.root = root;
    this.changed = changed;
    this.stream = null;
    this.timer = 0;
    this.names = [];
  }

  follow(names) {
    if (this.names.join("\n") === names.join("\n")) return;
    this.names = names;
    this.stop();
    if (names.length) this.listen();
  }

  listen() {
    const stream = new EventSource(`${this.root}tiles/changes?${this.asked()}`);
    this.stream = stream;
    const told = (name, take) => stream.addEventListener(name, (event) => take(JSON.parse(event.data || "{}")));
    told("layers", (versions) => this.compare(versions));
    told("changed", ({ name, version }) => this.changed(name, version));
    told("gone", ({ name }) => this.changed(name, null));
    stream.addEventListener("full", () => this.poll());
    stream.addEventListener("error", () => stream.readyState === EventSource.CLOSED && this.poll());
  }

  poll() {
    this.stop();
    this.timer = setInterval(async () => {
      try {
        this.compare(await json(`${this.root}tiles/versions?${this.asked()}`));
      } catch {
        // The service is away for a moment; it is asked again.
      }
    }, ASK_AGAIN);
  }

  compare(versions) {
    for (const [name, version] of Object.entries(versions)) this.changed(name, version);
  }

  stop() {
    this.stream?.close();
    clearInterval(this.timer);
  }

  asked() {
    return new URLSearchParams(this.names.map((name) => ["layer", name])).toString();
  }
}
