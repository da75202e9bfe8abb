// The panel "Event": how one's copy of the event's files stands, what to do about it, and where else to go.

const LISTED = 20;

/** Give the panel. `actions` are `open(path)`, `compare(path)`, `take(path)`, `keep(path)`, `share()`. */
export function panel(lab, parts, ask, actions) {
  const { element, link } = parts.event;
  const { Widget } = lab.widgets;

  const widget = new Widget();
  widget.id = "divebell-event";
  widget.addClass("divebell-panel");
  widget.title.caption = "Event: your copy of its files, its pages, sharing";
  widget.title.icon = actions.icon;
  widget.node.setAttribute("role", "region");
  widget.node.setAttribute("aria-label", "Event");

  const status = element("p", { role: "status", class: "divebell-summary", tabindex: "-1" }, "Looking…");
  const detail = element("div", {});
  const pages = element("ul", { class: "divebell-pages" });
  const busy = on => widget.node.setAttribute("aria-busy", String(on));

  let drawn = "";

  const button = (words, about, act) =>
    element(
      "button",
      {
        class: "jp-mod-styled jp-mod-minimal divebell-button",
        "aria-label": `${words}: ${about}`,
        onclick: async event => {
          const pressed = event.currentTarget;
          if (pressed.ariaDisabled !== "true") {
            pressed.ariaDisabled = "true"; // `disabled` would take the keyboard's focus away
            await act();
            pressed.ariaDisabled = "false";
          }
        },
      },
      words
    );

  const settling = (words, about, act) =>
    button(words, about, async () => {
      await act();
      await refresh();
    });

  const name = (folder, file) =>
    file.verdict === "deleted"
      ? element("span", { class: "divebell-path" }, file.path)
      : element(
          "button",
          {
            class: "divebell-path divebell-open",
            title: `Open ${folder}/${file.path}`,
            onclick: () => actions.open(`${folder}/${file.path}`),
          },
          file.path
        );

  const more = (count, shown) =>
    count > shown ? element("p", { class: "divebell-hint" }, `and ${(count - shown).toLocaleString()} more`) : null;

  const conflict = (folder, file) =>
    element(
      "li",
      {},
      name(folder, file),
      element("p", { class: "divebell-hint" }, file.why),
      element(
        "div",
        { class: "divebell-choices" },
        button("Open the event's", file.path, () => actions.open(`event/${file.path}`)),
        button("Compare", file.path, () => actions.compare(file.path)),
        settling("Take the event's", file.path, () => actions.take(file.path)),
        settling("Keep mine", file.path, () => actions.keep(file.path))
      )
    );

  const yours = (folder, file) =>
    element(
      "li",
      {},
      name(folder, file),
      element("p", { class: "divebell-hint" }, file.why),
      file.verdict === "removed"
        ? null
        : element(
            "div",
            { class: "divebell-choices" },
            file.verdict === "changed" ? button("Compare", file.path, () => actions.compare(file.path)) : null,
            settling("Take the event's", file.path, () => actions.take(file.path))
          )
    );

  const section = (title, about, count, items) =>
    count
      ? element(
          "section",
          { "aria-label": title },
          element("h3", {}, `${title} (${count.toLocaleString()})`),
          element("p", { class: "divebell-hint" }, about),
          element("ul", { class: "divebell-files" }, ...items),
          more(count, items.length)
        )
      : null;

  /** Draw anew only what has changed, and leave whoever uses the keyboard where they are. */
  const draw = said => {
    if (JSON.stringify(said) === drawn) {
      return;
    }
    drawn = JSON.stringify(said);
    const focused = detail.contains(document.activeElement);
    const label = focused && document.activeElement.getAttribute("aria-label");
    status.textContent = said.summary;
    const list = (found, one) => found.files.slice(0, LISTED).map(file => one(said.folder, file));
    const missing = said.missing.slice(0, LISTED).map(path => element("li", {}, path));
    const parts = [
      section(
        "In conflict",
        "You changed these, and the event has changed them since. Yours are untouched; decide when you like.",
        said.conflicts.count,
        list(said.conflicts, conflict)
      ),
      section("Not complete", said.incomplete, said.missing.length, missing),
      section(
        "Yours",
        "You changed or deleted these: the event's changes do not touch them.",
        said.yours.count,
        list(said.yours, yours)
      ),
    ];
    detail.replaceChildren(...parts.filter(part => part));
    pages.replaceChildren(
      ...[
        ["", "The event's pages"],
        ["#data", "Data and maps"],
        ["gallery", "Gallery: what others share"],
      ].map(([path, words]) => element("li", {}, link(said.portal + path, words)))
    );
    actions.counted(said.conflicts.count);
    if (focused) {
      const again = [...detail.querySelectorAll("button")].find(each => each.getAttribute("aria-label") === label);
      (again || status).focus();
    }
  };

  async function refresh(method = "GET") {
    busy(true);
    try {
      draw(await ask(method, "copy"));
    } catch (error) {
      drawn = "";
      status.textContent = [error.message, error.nextStep].filter(words => words).join(" ");
    } finally {
      busy(false);
    }
  }

  widget.node.append(
    element("h2", {}, "Event"),
    element(
      "button",
      { class: "jp-mod-styled jp-mod-accept divebell-share", onclick: () => actions.share() },
      "Share my work"
    ),
    element("h3", {}, "My copy (my-event)"),
    status,
    element(
      "button",
      { class: "jp-mod-styled jp-mod-minimal divebell-button", onclick: () => refresh("POST") },
      "Look again"
    ),
    detail,
    element("h3", {}, "Pages"),
    pages
  );
  widget.refresh = refresh;
  widget.onAfterShow = () => void refresh(); // news may have been missed while the network was away
  return widget;
}
