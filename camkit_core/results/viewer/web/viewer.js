// Maps that were made before, to look into: a saved page, and the widget of a notebook.

import { bars } from "./bars.js";
import { Card } from "./card.js";
import { tableOf } from "./colours.js";
import { element } from "./dom.js";
import { oncePerFrame } from "./frames.js";
import { highest, mapOf } from "./grid.js";
import { lookControls, USUAL_LOOK } from "./look.js";

/**
 * Show `values`: `picture` (the source of an image), `colours` (tables by name), `maps` (see
 * `map_record` of Python), `best` (classes, best first), `title`, and `view` (settings).
 */
export function showViewer(root, values) {
  const maps = values.maps.map(mapOf);
  const tables = decodedTables(values.colours);
  const view = { ...USUAL_LOOK, ...values.view, tables };
  const methods = [...new Set(maps.map((map) => map.method))];
  let target = values.target ?? maps[0].target;
  const cards = methods.map((name) => new Card(values.picture, name, point));
  const classes = element("div", { className: "classes" });
  const look = lookControls(view, oncePerFrame(draw));

  function point(at) {
    for (const card of cards) {
      card.stage.pointAt(at);
      card.tell();
    }
  }

  function shown() {
    return methods.map((name) => maps.find((map) => map.method === name && map.target === target));
  }

  function draw() {
    const now = shown();
    const common = view.scale === "common" ? commonScale(now) : 0;
    cards.forEach((card, index) => {
      if (now[index]) card.show(now[index], view, common);
    });
  }

  function pick(chosen) {
    target = chosen;
    list();
    draw();
  }

  function list() {
    const there = (values.best || []).filter((each) => maps.some((map) => map.target === each.target));
    classes.replaceChildren(...(there.length > 1 ? [bars(there, target, null, pick, null)] : []));
  }

  list();
  root.replaceChildren(
    element("p", { className: "title", dir: "auto", textContent: values.title || "" }),
    element("div", { className: "cards" }, ...cards.map((card) => card.root)),
    element("div", { className: "side" }, classes, look.root),
  );
  draw();
}

/** The highest value of several maps. */
export function commonScale(maps) {
  return Math.max(...maps.filter(Boolean).map(highest), 0);
}

/** Colour maps by name, decoded. */
export function decodedTables(colours) {
  return Object.fromEntries(Object.entries(colours).map(([name, text]) => [name, tableOf(text)]));
}
