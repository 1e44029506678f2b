// The buttons that keep what is on the screen, as files and as code.

import { element } from "./dom.js";
import { completed, download, drawn, fileName, sourceOf } from "./keep.js";
import { answer, emptyPage, file } from "./server.js";

/** The controls; they also give `studio.keep` what the cards' own buttons do. */
export function keepControls(studio) {
  const shown = element("pre", { tabIndex: 0, hidden: true, "aria-label": "Code", "data-code": "" });
  const told = element("p", { className: "soft", role: "status" });
  const name = (...parts) => fileName(studio.names().get(studio.state.photo) || "photo", ...parts);
  const tried = (act) => async () => {
    told.textContent = "";
    try {
      told.textContent = (await act()) || "";
    } catch (error) {
      told.textContent = error.message;
    }
  };
  studio.keep = {
    picture: (card) => tried(async () => {
      const picture = await drawn(card.stage, studio.state.painted, studio.size);
      download(picture, `${name(card.map.method, card.map.class)}.png`);
    })(),
    values: (method) => tried(async () => {
      download(await file("npz", studio.question([method])), `${name(method, label(studio, method))}.npz`);
    })(),
  };
  const copied = (what, words) => tried(async () => {
    const programs = await answer("programs", studio.question());
    shown.hidden = false;
    shown.textContent = programs[what];
    await navigator.clipboard.writeText(programs[what]).catch(() => null);
    return `Copied: ${words} that gives these maps.`;
  });
  const button = (text, onclick) => element("button", { type: "button", className: "button", textContent: text, onclick });
  return element(
    "div", {},
    element(
      "div", { className: "row" },
      button("Copy as Python", copied("python", "a program")),
      button("Copy as command", copied("command", "a command")),
    ),
    element(
      "div", { className: "row" },
      button("Page", tried(() => page(studio, name))),
      button("JSON", tried(() => json(studio, name))),
      button("Photo", tried(async () => {
        const key = studio.state.photo;
        download(await file("photo.png", studio.question(["gradcam"])), `${key}.png`);
      })),
    ),
    told, shown,
  );
}

function label(studio, method) {
  return studio.maps.get(method)?.map.class || "map";
}

/** All maps on the screen with their values in rows. */
function json(studio, name) {
  const maps = [...studio.maps.values()].map(({ map }) => plain(map));
  const text = JSON.stringify({ photo: studio.names().get(studio.state.photo), ...studio.question(), maps }, null, 1);
  download(new Blob([text], { type: "application/json" }), `${name("maps")}.json`);
}

function plain(map) {
  const { values, grid, minus, ...rest } = map;
  const rows = Array.from({ length: grid.rows }, (_, row) => [...values.slice(row * grid.columns, (row + 1) * grid.columns)]);
  return { ...rest, minus: minus?.class, values: rows };
}

/** A page of these methods and the best classes, which needs no server. */
async function page(studio, name) {
  const { methods, minus, target } = studio.state;
  const picked = target ?? studio.best[0]?.target ?? null;
  const targets = minus === null ? [...new Set([picked, ...studio.best.map((each) => each.target)])] : [picked];
  const maps = [];
  for (const each of targets) {
    for (const method of methods) maps.push({ ...(await studio.asked(method, { target: each })), target: each });
  }
  const kept = minus === null ? maps : [...studio.maps.values()].map(({ map }) => ({ ...map, target: picked }));
  const { opacity, colours, threshold, wipe, scale } = studio.view;
  const photo = studio.cards.get(methods[0]).stage.photo;
  const title = `${studio.names().get(studio.state.photo) || "photo"}, ${studio.about.model}`;
  const values = {
    picture: sourceOf(photo, studio.state.painted, studio.size), colours: studio.about.colours, best: studio.best,
    maps: kept.map(packed), target: picked, title, view: { opacity, colours, threshold, wipe, scale },
  };
  download(new Blob([completed(await emptyPage(), values)], { type: "text/html" }), `${name("maps")}.html`);
}

function packed({ values, minus, ...map }) {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return { ...map, minus: minus && { class: minus.class }, grid: { ...map.grid, values: btoa(text) } };
}
