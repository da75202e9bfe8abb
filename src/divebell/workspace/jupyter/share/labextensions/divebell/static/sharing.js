// "Share my work": from a notebook's toolbar, the list of files or the panel.

const FORM = { title: "Title", description: "What is it? (may stay empty)" };

/** Give the function that shares the file at a path: asks for a title, then tells where it is. */
export function sharing(lab, parts, ask, documents) {
  const { element, complain } = parts.event;
  const { Dialog, Notification, showDialog } = lab.apputils;
  const { Widget } = lab.widgets;

  const form = (path, name) => {
    const body = new Widget({ node: element("div", { class: "divebell-form" }) });
    const title = element("input", { id: "divebell-title", class: "jp-mod-styled", maxlength: "200" });
    title.value = name;
    const description = element("textarea", {
      id: "divebell-description",
      class: "jp-mod-styled",
      maxlength: "2000",
      rows: "3",
    });
    body.node.append(
      element("p", {}, `Everybody at the event will see ${path} in the gallery, under your name.`),
      element("label", { for: "divebell-title" }, FORM.title),
      title,
      element("label", { for: "divebell-description" }, FORM.description),
      description
    );
    body.getValue = () => ({ title: title.value, description: description.value });
    return body;
  };

  /** A notebook is shared as it is on the disk: what is on the screen goes there first. */
  const saved = async path => {
    const open = documents.findWidget(path);
    const context = open && documents.contextForWidget(open);
    if (context && context.model.dirty && !context.model.readOnly) {
      await context.save();
    }
  };

  const takeBack = (url, title) => async () => {
    try {
      await ask("DELETE", "share", { url });
      Notification.success(`${title} is no longer shared.`, { autoClose: 10000 });
    } catch (error) {
      complain(lab, error, "Not taken back");
    }
  };

  return async function share(path) {
    const name = path.split("/").pop();
    const answer = await showDialog({
      title: "Share my work",
      body: form(path, name.replace(/\.[^.]+$/, "")),
      buttons: [Dialog.cancelButton(), Dialog.okButton({ label: "Share" })],
      focusNodeSelector: "#divebell-title",
    });
    if (!answer.button.accept) {
      return;
    }
    try {
      await saved(path);
      const made = await ask("POST", "share", { path, ...answer.value });
      const version = made.version > 1 ? ` (version ${made.version})` : "";
      Notification.success(`Everybody can now see ${made.title}${version}.`, {
        autoClose: false,
        actions: [
          { label: "Look at it", callback: () => window.open(made.url, "_blank", "noopener") },
          { label: "Take it back", callback: takeBack(made.url, made.title) },
        ],
      });
    } catch (error) {
      complain(lab, error, `${name} was not shared`);
    }
  };
}
