// A map with its words: method, class, score, notes, what is under the pointer.

import { element, short } from "./dom.js";
import { atMostEvery } from "./frames.js";
import { Stage } from "./stage.js";

const TOLD_EVERY = 100; // milliseconds; while a slider moves, words are laid out less often

/** A figure of one map; `actions` are buttons of the page's own. */
export class Card {
  constructor(photo, title, onPoint, actions = []) {
    this.stage = new Stage(photo, onPoint);
    this.title = element("span", { className: "method", textContent: title });
    this.label = element("span", { className: "label", dir: "auto" });
    this.change = element("span", { className: "change" });
    this.where = element("p", { className: "where" });
    this.readout = element("p", { className: "readout", "aria-live": "polite" });
    this.notes = element("ul", { className: "notes" });
    this.tellSoon = atMostEvery(TOLD_EVERY, () => this.tell());
    this.root = element(
      "figure",
      { className: "card" },
      this.stage.root,
      element(
        "figcaption", {},
        element("p", { className: "head" }, this.title, this.label, this.change),
        this.readout, this.where, this.notes,
        element("p", { className: "actions" }, ...actions),
      ),
    );
  }

  /** Show a map. `before` is the score before anything was painted over; null for none. */
  show(map, view, common, before = null) {
    this.stage.show(map, view, common);
    if (this.map !== map || this.before !== before) this.name(map, before);
    this.tellSoon();
  }

  // The words of a map, which stay as they are while it is only drawn otherwise.
  name(map, before) {
    Object.assign(this, { map, before });
    const against = map.minus ? ` minus ${map.minus.class}` : "";
    this.label.textContent = `${map.class}${against}`;
    this.change.textContent = scores(map, before);
    this.where.textContent = `at ${map.layer}, ${map.grid.rows} × ${map.grid.columns}`;
    this.where.title = `layer chosen by ${map.chosen_by}`;
    const notes = map.blank ? [`no evidence: ${map.blank}`, ...map.notes] : map.notes;
    this.notes.replaceChildren(...notes.map((text) => element("li", { textContent: text })));
    this.stage.root.setAttribute("aria-label", `Map by ${map.method} for ${map.class}${against}`);
  }

  /** Say what is under the pointer, or else what the threshold holds. */
  tell() {
    const text = this.stage.read() || this.stage.told() || "\u00a0";
    if (this.readout.textContent !== text) this.readout.textContent = text;
  }

  /** Whether a newer map is on its way. */
  busy(is) {
    this.root.classList.toggle("busy", is);
    this.root.setAttribute("aria-busy", String(is));
  }

  /** Say why there is no map. */
  fail(reason) {
    this.busy(false);
    this.map = null;
    this.stage.clear();
    this.change.textContent = "";
    this.notes.replaceChildren(element("li", { textContent: reason, role: "alert", className: "error" }));
  }
}

function scores(map, before) {
  if (map.score === null) return "";
  if (before === null || before === undefined) return `score ${short(map.score)}`;
  const change = map.score - before;
  return `score ${short(before)} → ${short(map.score)} (${change < 0 ? "−" : "+"}${short(Math.abs(change))})`;
}
