// Questions to the server beside this page. A newer question of a kind ends the one before.

const running = new Map();

async function ask(path, options, kind) {
  running.get(kind)?.abort();
  const control = new AbortController();
  if (kind) running.set(kind, control);
  const answer = await fetch(path, { ...options, signal: control.signal });
  if (!answer.ok) throw new Error(await reason(answer));
  return answer;
}

async function reason(answer) {
  const text = await answer.text();
  try {
    return JSON.parse(text).error || text;
  } catch {
    return text;
  }
}

function posted(question) {
  return { method: "POST", body: JSON.stringify(question), headers: { "content-type": "application/json" } };
}

export async function start() {
  return (await ask("api/start", {})).json();
}

/** How far the verdict is that the server works at; empty while it works at none. */
export async function progress() {
  return (await ask("api/progress", {})).json();
}

/** What the server says to a question; see `Question` of Python. */
export async function answer(what, question, kind) {
  return (await ask(`api/${what}`, posted(question), kind)).json();
}

/** A file that the server makes of a question. */
export async function file(what, question) {
  return (await ask(`api/${what}`, posted(question))).blob();
}

/** Hand a photo in; gives its key and name. */
export async function handIn(blob, name) {
  const headers = { "x-name": encodeURIComponent(name), "content-type": "application/octet-stream" };
  return (await ask("api/photos", { method: "POST", body: blob, headers })).json();
}

/** The text of a page that works without a server, with {} where its values go. */
export async function emptyPage() {
  return (await ask("api/page", {})).text();
}

export function photoAddress(key, side) {
  return `photo/${encodeURIComponent(key)}${side ? `?side=${side}` : ""}`;
}
