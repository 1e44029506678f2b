// The studio: a state, questions to the server for what is not known yet, and drawing.

import { bars } from "./bars.js";
import { Card } from "./card.js";
import { element } from "./dom.js";
import { oncePerFrame } from "./frames.js";
import { difference, mapOf } from "./grid.js";
import { keepControls } from "./keeping.js";
import { layerControl } from "./layers.js";
import { lookControls } from "./look.js";
import { chips } from "./methods.js";
import { apart, brushControls, brushed } from "./painting.js";
import { listenForPhotos, strip } from "./photos.js";
import { search } from "./search.js";
import { answer, handIn, photoAddress, start } from "./server.js";
import { readState, writeState } from "./state.js";
import { followed, verdict } from "./trust.js";
import { commonScale, decodedTables } from "./viewer.js";

const REMEMBERED = 300; // answers
// What a model of a task has to be told first.
const NEEDED = { "text-image": "Say what to look for.", segmentation: "Search the class whose mask is explained." };
const at = (id) => document.getElementById(id);

class Studio {
  constructor(about) {
    this.about = about;
    this.answers = new Map();
    this.cards = new Map();
    this.maps = new Map();
    this.best = [];
    this.size = null;
    this.brush = { on: false, share: 0.18 };
    this.view = { tables: decodedTables(about.colours) };
    this.drawSoon = oncePerFrame(() => this.draw());
    this.take(readState(location.hash));
    this.build();
    window.addEventListener("hashchange", () => this.restore());
    this.refresh();
  }

  /** Make a state the page's own; the view shares it with the controls. */
  take(state) {
    this.state = Object.assign(this.view, state);
    const known = new Set(this.about.methods.map((method) => method.name));
    state.methods = this.state.methods = state.methods.filter((name) => known.has(name));
    if (!state.methods.length) this.state.methods = ["gradcam"];
    if (!this.about.colours[this.state.colours]) this.state.colours = Object.keys(this.about.colours)[0];
    this.state.photo ??= this.about.photos[0]?.key ?? null;
  }

  build() {
    at("model").textContent = [this.about.model, this.about.weights, ...this.about.notes].join(" · ").replace(/(sha256:\w{8})\w+/, "$1…");
    this.strip = strip(at("photos"), this.about.photos, (key) => this.change({ photo: key, painted: [], target: null, minus: null }));
    listenForPhotos((blob, name) => this.receive(blob, name));
    this.classes = element("div");
    at("classes").append(this.classes, search(this.about.classes, this.about.task, (target) => this.change({ target, minus: null })));
    this.chips = chips(this.about.methods, (name) => this.toggle(name));
    this.layer = layerControl(() => answer("layers", this.question(["gradcam"], { target: null })), (layer) => this.change({ layer }));
    at("methods").append(this.chips.root, this.layer.root);
    this.look = lookControls(this.view, () => {
      this.remember();
      this.drawSoon();
    });
    at("looks").append(this.look.root);
    this.brushing = brushControls(this.brush, (what) => this.unpaint(what));
    at("painting").append(this.brushing.root);
    this.judging = element("div", { "aria-live": "polite" });
    this.judge = element("button", { type: "button", className: "button", textContent: "Judge these methods on this photo", onclick: () => this.trust() });
    at("trusting").append(this.judge, this.judging);
    at("keeping").append(keepControls(this));
  }

  /** The question that is asked of a method. */
  question(methods = this.state.methods, changed = {}) {
    const { photo, painted, target, minus, layer, colours, opacity, threshold, scale, wipe } = this.state;
    return { photo, painted, methods, target, minus, layer, view: { colours, opacity, threshold, scale, wipe }, ...changed };
  }

  /** Change the state, put it into the address, and ask for what it needs. */
  change(changed) {
    Object.assign(this.state, changed);
    history.pushState(null, "", writeState(this.state));
    this.refresh();
  }

  /** What the address says, after a step back or an edit of it. */
  restore() {
    this.take(readState(location.hash));
    this.look.refresh();
    this.refresh();
  }

  remember() {
    clearTimeout(this.remembering);
    this.remembering = setTimeout(() => history.replaceState(null, "", writeState(this.state)), 150);
  }

  toggle(name) {
    const chosen = this.state.methods;
    const methods = chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name];
    if (methods.length && methods.length <= 12) this.change({ methods });
  }

  async receive(blob, name) {
    if (!blob) return this.say(name, true);
    this.say(`Reading ${name} …`);
    try {
      const photo = await handIn(blob, name);
      this.strip.add(photo);
      this.names().set(photo.key, photo.name);
      this.change({ photo: photo.key, painted: [], target: null, minus: null });
    } catch (error) {
      this.say(`${name}: ${error.message}`, true);
    }
  }

  names() {
    this.known ??= new Map(this.about.photos.map(({ key, name }) => [key, name]));
    return this.known;
  }

  say(text, wrong = false) {
    at("status").textContent = text;
    at("status").classList.toggle("error", wrong);
  }

  /** Show the cards of the state, and ask for their maps. */
  refresh() {
    const { photo, methods } = this.state;
    this.chips.mark(methods);
    this.strip.mark(photo);
    this.brushing.refresh(this.state.painted.length);
    this.judging.replaceChildren();
    if (!photo) return this.say("Choose, drop or paste a photo to begin.");
    const wanted = this.state.target === null ? NEEDED[this.about.task] : "";
    this.say(wanted || "");
    this.arrange(photo, methods);
    if (wanted) return undefined;
    return Promise.all(methods.map((name) => this.load(name)));
  }

  /** A card for each method, on this photo; those that stay are kept. */
  arrange(photo, methods) {
    if (this.shownPhoto !== photo) {
      this.cards.clear();
      this.maps.clear();
      this.best = [];
      this.size = null;
    }
    this.shownPhoto = photo;
    for (const name of methods) {
      if (!this.cards.has(name)) this.cards.set(name, this.card(name));
    }
    for (const name of [...this.cards.keys()].filter((each) => !methods.includes(each))) {
      this.cards.delete(name);
      this.maps.delete(name);
    }
    at("cards").replaceChildren(...methods.map((name) => this.cards.get(name).root));
    this.paint();
  }

  card(name) {
    const button = (text, label, onclick) =>
      element("button", { type: "button", className: "button", textContent: text, "aria-label": `${label} of ${name}`, onclick });
    const point = (place, event, stage) => this.point(place, event, stage);
    const card = new Card(photoAddress(this.state.photo), name, point, [
      button("PNG", "Picture", () => this.keep.picture(card)),
      button("NPZ", "Raw values", () => this.keep.values(name)),
    ]);
    card.stage.photo.alt = this.names().get(this.state.photo) || "photo";
    return card;
  }

  /** Ask for the map of one method, and draw it when it is there. */
  async load(name) {
    const [card, { target, minus, painted }] = [this.cards.get(name), this.state];
    card.busy(true);
    try {
      const first = await this.asked(name, { target });
      const other = minus === null ? null : await this.asked(name, { target: minus });
      const before = painted.length ? await this.asked(name, { target, painted: [] }) : null;
      if (this.cards.get(name) !== card || target !== this.state.target) return;
      this.maps.set(name, { map: other ? difference(first, other) : first, before: before?.score ?? null });
      this.size = first.size;
      this.paint();
      if (first.best.length) this.best = first.best;
      this.list(first);
      this.drawSoon();
      card.busy(false);
      this.layer.show(this.state.layer, first.layer);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.maps.delete(name);
      card.fail(error.message);
    }
  }

  /** The answer to a question, which is asked once. */
  async asked(name, changed) {
    const question = this.question([name], { minus: null, view: {}, ...changed });
    const key = JSON.stringify(question);
    if (!this.answers.has(key)) {
      const record = await answer("explain", question, `${name} ${JSON.stringify(changed)}`);
      this.answers.set(key, mapOf(record));
      if (this.answers.size > REMEMBERED) this.answers.delete(this.answers.keys().next().value);
    }
    return this.answers.get(key);
  }

  list(map) {
    const target = this.state.target ?? this.best[0]?.target;
    const listed = this.best.some((each) => each.target === target) || typeof map.target !== "number"
      ? this.best
      : [...this.best, { target: map.target, class: map.class, score: map.score, share: map.share }];
    this.classes.replaceChildren(
      bars(listed, target, this.state.minus, (picked) => this.change({ target: picked, minus: null }), (away) => this.change({ target, minus: away })),
    );
  }

  draw() {
    const shown = [...this.maps.values()].map(({ map }) => map);
    const common = this.view.scale === "common" ? commonScale(shown) : 0;
    for (const [name, { map, before }] of this.maps) this.cards.get(name)?.show(map, this.view, common, before);
  }

  paint() {
    if (!this.size) return;
    for (const card of this.cards.values()) card.stage.paint(this.state.painted, this.size);
  }

  /** Point at a place in all maps; with the brush on, paint there. */
  point(place, event) {
    for (const card of this.cards.values()) {
      card.stage.pointAt(place);
      card.tell();
    }
    const pressed = event.type === "pointerdown" || (event.type === "pointermove" && event.buttons === 1);
    const keyed = event.type === "keydown" && (event.key === "Enter" || event.key === " ");
    if (this.brush.on && this.size && place && (pressed || keyed)) this.brushAt(place, event.type);
    if (this.stroke && (event.type === "pointerup" || event.type === "pointerleave")) this.endStroke();
  }

  brushAt(place, kind) {
    const painted = this.state.painted;
    const box = brushed(place, this.brush.share, this.size, painted);
    if (!box || (kind === "pointermove" && !apart(box, painted.at(-1)))) return;
    this.state.painted = [...painted, box];
    this.stroke = true;
    this.paint();
    if (kind === "keydown") this.endStroke();
  }

  /** After a stroke: the class that was explained is asked for again. */
  endStroke() {
    this.stroke = false;
    const [{ map } = {}] = this.maps.values();
    this.change({ target: this.state.target ?? (typeof map?.target === "number" ? map.target : null) });
  }

  unpaint(what) {
    this.change({ painted: what === "undo" ? this.state.painted.slice(0, -1) : [] });
  }

  async trust() {
    this.judge.disabled = true;
    const following = followed(this.state.methods.length);
    this.judging.replaceChildren(following.root);
    try {
      this.judging.replaceChildren(verdict(await answer("trust", this.question(), "trust")));
    } catch (error) {
      this.judging.replaceChildren(element("p", { className: "error", role: "alert", textContent: error.message }));
    }
    following.stop();
    this.judge.disabled = false;
  }
}

start().then(
  (about) => new Studio(about),
  (error) => {
    at("status").textContent = `The studio does not answer: ${error.message}`;
    at("status").classList.add("error");
  },
);
