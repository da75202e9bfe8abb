// What JupyterLab loads first: a container as webpack's module federation makes them, written by hand.
// JupyterLab's own modules come from its shared scope; ours lie beside this file and are fetched when asked for.
"use strict";

(() => {
  const here = document.currentScript.src; // its ?v= changes with the contents of all files here
  let shared = null;

  const address = name => {
    const url = new URL(name, here);
    url.search = new URL(here).search;
    return url.href;
  };

  // Several versions of a module may be offered: the one that is already in use is JupyterLab's own.
  const pick = versions => {
    const offers = Object.values(versions);
    return offers.find(offer => offer.loaded) || offers.find(offer => offer.eager) || offers[0];
  };

  const take = async name => {
    if (!shared || !shared[name]) {
      throw new Error(`JupyterLab does not offer ${name}`);
    }
    return (await pick(shared[name]).get())();
  };

  const NEEDED = {
    application: "@jupyterlab/application",
    apputils: "@jupyterlab/apputils",
    coreutils: "@jupyterlab/coreutils",
    docmanager: "@jupyterlab/docmanager",
    filebrowser: "@jupyterlab/filebrowser",
    notebook: "@jupyterlab/notebook",
    services: "@jupyterlab/services",
    ui: "@jupyterlab/ui-components",
    widgets: "@lumino/widgets",
  };
  const OURS = ["plugin", "event", "panel", "sharing", "server"];

  const extension = async () => {
    const names = Object.keys(NEEDED);
    const [taken, own] = await Promise.all([
      Promise.all(names.map(name => take(NEEDED[name]))),
      Promise.all(OURS.map(name => import(address(`${name}.js`)))),
    ]);
    const lab = Object.fromEntries(names.map((name, i) => [name, taken[i]]));
    const parts = Object.fromEntries(OURS.map((name, i) => [name, own[i]]));
    const made = parts.plugin.plugin(lab, parts);
    return () => ({ __esModule: true, default: made });
  };

  const style = () =>
    new Promise((resolve, reject) => {
      const link = document.createElement("link");
      link.rel = "stylesheet";
      link.href = address("style.css");
      link.onload = () => resolve(() => ({}));
      link.onerror = () => reject(new Error("the styles of the event's panel cannot be had"));
      document.head.append(link);
    });

  const modules = { "./extension": extension, "./style": style };

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB.divebell = {
    get: name => (modules[name] ? modules[name]() : Promise.reject(new Error(`there is no ${name}`))),
    init: scope => {
      shared = scope;
    },
  };
})();
