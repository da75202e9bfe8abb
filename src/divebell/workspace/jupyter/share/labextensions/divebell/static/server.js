// Asking the notebook server, which knows the copy and may share.

/** What the server refused, with what to do next. */
export class Refused extends Error {
  constructor(message, nextStep) {
    super(message);
    this.nextStep = nextStep || "";
  }
}

/** Give what asks the server: `ask("POST", "copy/take", {path})`; raises Refused. */
export function server(lab) {
  const { ServerConnection } = lab.services;
  const { URLExt } = lab.coreutils;
  const settings = ServerConnection.makeSettings();

  return async function ask(method, name, words) {
    let url = URLExt.join(settings.baseUrl, "divebell", name);
    const request = { method };
    if (method === "GET") {
      url += URLExt.objectToQueryString(words || {});
    } else {
      request.body = JSON.stringify(words || {});
    }
    let answer;
    try {
      answer = await ServerConnection.makeRequest(url, request, settings);
    } catch {
      throw new Refused("Your notebook server does not answer.", "Is it still running? Reload the page.");
    }
    const said = await answer.json().catch(() => ({}));
    if (!answer.ok) {
      throw new Refused(said.message || `Your notebook server answered ${answer.status}.`, said.next_step);
    }
    return said;
  };
}
