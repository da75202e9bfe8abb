// Small pieces of page, and words for whoever looks at them. Text is only ever set as text.

/** Make an element: `element("p", {class: "hint"}, "words", child)`. */
export function element(kind, attributes, ...children) {
  const made = document.createElement(kind);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) {
      made.addEventListener(name.slice(2), value);
    } else if (value !== null && value !== undefined) {
      made.setAttribute(name, value);
    }
  }
  made.append(...children.filter(child => child !== null && child !== undefined));
  return made;
}

/** Make a link that opens beside JupyterLab; only to this server's pages or another one over http(s). */
export function link(address, words) {
  const url = new URL(address, window.location.href);
  if (!["http:", "https:"].includes(url.protocol)) {
    return document.createTextNode(words);
  }
  return element("a", { href: url.href, target: "_blank", rel: "noopener" }, words);
}

/** Say why something was refused. */
export function complain(lab, error, what) {
  const more = error.nextStep ? ` ${error.nextStep[0].toUpperCase()}${error.nextStep.slice(1)}.` : "";
  lab.apputils.Notification.error(`${what}: ${error.message}${more}`, { autoClose: false });
}
