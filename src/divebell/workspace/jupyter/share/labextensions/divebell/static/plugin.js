// The plugin: puts the panel, the buttons and the commands into JupyterLab, and listens for news.

const NEWS = "urn:divebell:my-event";
const SHARE = "divebell:share";
const SHARE_FILE = "divebell:share-file";
const SHOW = "divebell:show-panel";
const ICON = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24"><g class="jp-icon3" fill="#616161">
<path d="M12 2a9 9 0 0 0-9 9v7a2 2 0 0 0 2 2h14a2 2 0 0 0 2-2v-7a9 9 0 0 0-9-9zm0 2a7 7 0 0 1 7 7v7H5v-7a7 7 0 0 1
7-7z"/><circle cx="12" cy="11.5" r="4"/><path d="M8 20h8v2H8z"/></g></svg>`;

/** Give the plugin. `lab` are JupyterLab's modules, `parts` our own. */
export function plugin(lab, parts) {
  const { ILabShell } = lab.application;
  const { ICommandPalette } = lab.apputils;
  const { IDocumentManager } = lab.docmanager;
  const { IDefaultFileBrowser } = lab.filebrowser;
  const { INotebookTracker } = lab.notebook;
  return {
    id: "divebell:plugin",
    description: "The event in JupyterLab",
    autoStart: true,
    requires: [IDocumentManager],
    optional: [ILabShell, IDefaultFileBrowser, INotebookTracker, ICommandPalette],
    activate: (app, documents, shell, browser, notebooks, palette) =>
      activate(lab, parts, app, { documents, shell, browser, notebooks, palette }),
  };
}

function activate(lab, parts, app, found) {
  const ask = parts.server.server(lab);
  const share = parts.sharing.sharing(lab, parts, ask, found.documents);
  const icon = new lab.ui.LabIcon({ name: "divebell:event", svgstr: ICON });
  addCommands(app, found, share, icon);
  const made = parts.panel.panel(lab, parts, ask, {
    ...choices(lab, parts, ask, found.documents),
    icon,
    open: path => app.commands.execute("docmanager:open", { path }),
    share: () => app.commands.execute(SHARE),
    counted: count => {
      made.title.label = count ? `${count} in conflict` : "";
    },
  });
  app.shell.add(made, "left", { rank: 150 });
  app.commands.addCommand(SHOW, {
    label: "Show the event's panel",
    execute: () => app.shell.activateById(made.id),
  });
  addButtons(lab, app, found, icon);
  listen(lab, app, found, made);
  app.restored.then(() => made.refresh());
}

function choices(lab, parts, ask, documents) {
  const { Dialog, Notification, showDialog } = lab.apputils;
  const { element, complain } = parts.event;
  const trying = (what, act) => async path => {
    try {
      await act(path);
    } catch (error) {
      complain(lab, error, `${path} ${what}`);
    }
  };
  return {
    take: trying("was not replaced", async path => {
      const { kept } = await ask("POST", "copy/take", { path });
      await reload(documents, [`my-event/${path}`]);
      const words = `my-event/${path} is the event's now.` + (kept ? ` Yours is ${kept}.` : "");
      Notification.success(words, { autoClose: 10000 });
    }),
    keep: trying("was not settled", path => ask("POST", "copy/keep", { path })),
    compare: trying("was not compared", async path => {
      const { difference } = await ask("GET", "copy/compare", { path });
      const text = element("pre", { class: "divebell-difference", tabindex: "0" });
      for (const line of difference.split("\n")) {
        text.append(element("span", { class: `divebell-line${kind(line)}` }, `${line}\n`));
      }
      const body = new lab.widgets.Widget({ node: element("div", {}, text) });
      await showDialog({ title: path, body, buttons: [Dialog.okButton({ label: "Close" })] });
    }),
  };
}

const kind = line => (/^\+(?!\+\+)/.test(line) ? " divebell-mine" : /^-(?!--)/.test(line) ? " divebell-theirs" : "");

function addCommands(app, { shell, browser, notebooks, palette, documents }, share, icon) {
  const current = () => {
    const widget = (shell && shell.currentWidget) || (notebooks && notebooks.currentWidget);
    const context = widget && documents.contextForWidget(widget);
    return context ? context.path : null;
  };
  const selected = () => {
    const items = browser ? Array.from(browser.selectedItems()) : [];
    return items.length === 1 && items[0].type !== "directory" ? items[0].path : null;
  };
  const local = path => path && documents.services.contents.localPath(path);
  app.commands.addCommand(SHARE, {
    label: "Share my work",
    caption: "Show this notebook or file to everybody at the event",
    icon,
    execute: async () => {
      const path = local(current() || selected());
      if (path) {
        await share(path);
      } else {
        await app.commands.execute("apputils:notify", {
          message: "Open the notebook or file you want to share, or choose it in the list of files, then try again.",
          type: "info",
        });
      }
    },
  });
  app.commands.addCommand(SHARE_FILE, {
    label: "Share my work",
    icon,
    isVisible: () => selected() !== null,
    execute: () => share(local(selected())),
  });
  app.contextMenu.addItem({ command: SHARE_FILE, selector: '.jp-DirListing-item[data-isdir="false"]', rank: 5 });
  for (const command of palette ? [SHARE, SHOW] : []) {
    palette.addItem({ command, category: "Event" });
  }
}

function addButtons(lab, app, { notebooks }, icon) {
  if (!notebooks) {
    return;
  }
  const { ToolbarButton } = lab.ui;
  app.docRegistry.addWidgetExtension("Notebook", {
    createNew: notebook => {
      const button = new ToolbarButton({
        icon,
        label: "Share",
        tooltip: "Share my work: show this notebook to everybody at the event",
        onClick: () => app.commands.execute(SHARE),
      });
      notebook.toolbar.insertBefore("spacer", "divebell-share", button);
      return button;
    },
  });
}

/** Show again, as they are on the disk now, open files that nobody has typed in. */
async function reload(documents, paths) {
  for (const path of paths) {
    const open = documents.findWidget(path, null);
    const context = open && documents.contextForWidget(open);
    if (context && context.isReady && !context.model.dirty) {
      await context.revert().catch(() => undefined);
    }
  }
}

function listen(lab, app, { documents, browser }, made) {
  app.serviceManager.events.stream.connect((_, event) => {
    if (event.schema_id !== NEWS) {
      return;
    }
    if (event.news) {
      lab.apputils.Notification.info(`The event brought ${event.news}.`, {
        autoClose: 15000,
        actions: [{ label: "Show", callback: () => app.commands.execute(SHOW) }],
      });
      void reload(documents, event.updated);
      void (browser && browser.model.refresh());
    }
    void made.refresh();
  });
}
