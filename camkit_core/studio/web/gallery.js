// A data set's explanations: a list of any length, of which the rows in view alone are elements.

import { element, percent } from "./dom.js";
import { answer, start } from "./server.js";
import { showViewer } from "./viewer.js";

const HEIGHT = 56; // pixels of a row, as in studio.css
const PAGE = 500; // rows that the server gives at once
const at = (id) => document.getElementById(id);

class Gallery {
  constructor(about) {
    const mistakes = about.mistakes ? `, ${about.mistakes} of them mistakes` : "";
    at("model").textContent = `${about.name}: ${about.count} rows${mistakes}`;
    at("class").append(...about.classes.map((name) => element("option", { value: name, textContent: name || "no class" })));
    at("note").append(...about.notes.map(([code, text]) => element("option", { value: code, textContent: text.slice(0, 90) })));
    this.list = at("list");
    at("find").addEventListener("click", () => this.findClusters());
    for (const id of ["class", "note", "cluster", "mistakes"]) at(id).addEventListener("change", () => this.filter());
    this.list.addEventListener("scroll", () => requestAnimationFrame(() => this.draw()), { passive: true });
    window.addEventListener("resize", () => this.draw());
    this.filter();
  }

  /** Have the maps of each class compared, and list the clusters, those that stand out first. */
  async findClusters() {
    at("find").disabled = true;
    at("found").textContent = "Comparing the maps of each class with each other: seconds, or minutes for a million rows …";
    try {
      this.clusters = await answer("clusters", {});
      this.listClusters(this.clusters);
    } catch (error) {
      at("found").textContent = error.message;
      at("find").disabled = false;
    }
  }

  listClusters({ said, clusters }) {
    at("found").textContent = said;
    at("find").hidden = true;
    for (const id of ["cluster-label", "cluster"]) at(id).hidden = clusters.length === 0;
    const several = new Set(clusters.map((each) => each.method)).size > 1;
    at("cluster").append(...clusters.map((each, number) => element("option", { value: number, textContent: named(each, several) })));
    if (clusters.length) at("cluster").focus();
  }

  /** What is said of the chosen cluster, or of all. */
  tellCluster() {
    if (!this.clusters) return;
    const chosen = this.clusters.clusters[at("cluster").value];
    const shown = this.clusters.count > this.clusters.clusters.length ? ` (${this.clusters.clusters.length} of ${this.clusters.count} clusters are listed.)` : "";
    at("found").textContent = chosen ? told(chosen) : this.clusters.said + shown;
  }

  /** Ask for the first page of what fits, and begin at its top. */
  async filter() {
    this.pages = new Map();
    this.list.scrollTop = 0;
    this.tellCluster();
    await this.page(0);
    this.draw();
  }

  /** Have a page of rows; the list is drawn again when it is there. */
  async page(number) {
    const pages = this.pages;
    if (pages.has(number)) return;
    pages.set(number, null);
    const cluster = at("cluster").value === "" ? null : Number(at("cluster").value);
    const filter = { class: at("class").value, note: at("note").value, cluster, mistakes: at("mistakes").checked };
    const { total, rows } = await answer("rows", { from: number * PAGE, ...filter });
    if (pages !== this.pages) return;
    pages.set(number, rows);
    this.total = total;
    at("total").textContent = `${total} rows`;
    at("rows").style.height = `${total * HEIGHT}px`;
    this.draw();
  }

  /** The rows in view, and a few around them. */
  draw() {
    const first = Math.max(Math.floor(this.list.scrollTop / HEIGHT) - 5, 0);
    const last = Math.min(first + Math.ceil(this.list.clientHeight / HEIGHT) + 10, this.total ?? 0);
    const focused = document.activeElement?.dataset?.place;
    const items = [];
    for (let place = first; place < last; place += 1) {
      const rows = this.pages.get(Math.floor(place / PAGE));
      if (rows) items.push(this.item(rows[place % PAGE], place));
      else this.page(Math.floor(place / PAGE));
    }
    at("rows").replaceChildren(...items);
    if (focused) at("rows").querySelector(`[data-place="${focused}"]`)?.focus({ preventScroll: true });
  }

  item(row, place) {
    const label = row.label ? `, labelled ${row.label}` : "";
    const said = row.error || `${row.top || row.class}${label} · ${row.method}`;
    const button = element(
      "button",
      { type: "button", "data-place": place, "aria-pressed": String(row.number === this.chosen), onclick: () => this.open(row), onkeydown: (event) => this.walk(event, place) },
      element("span", { className: "id", dir: "auto", textContent: row.id }),
      element("span", { className: "sure", textContent: percent(row.sure) }),
      element("span", { className: row.mistake ? "said mistake" : "said", dir: "auto", textContent: said }),
    );
    const item = element("li", { "aria-setsize": this.total, "aria-posinset": place + 1 }, button);
    item.style.top = `${place * HEIGHT}px`;
    return item;
  }

  // Arrow keys go from row to row.
  walk(event, place) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = Math.min(Math.max(place + step, 0), this.total - 1);
    const [top, height] = [next * HEIGHT, this.list.clientHeight];
    if (top < this.list.scrollTop) this.list.scrollTop = top;
    if (top + HEIGHT > this.list.scrollTop + height) this.list.scrollTop = top + HEIGHT - height;
    this.draw();
    at("rows").querySelector(`[data-place="${next}"]`)?.focus({ preventScroll: true });
  }

  async open(row) {
    this.chosen = row.number;
    this.draw();
    try {
      showViewer(at("opened"), await answer("open", { number: row.number }, "open"));
    } catch (error) {
      if (error.name === "AbortError") return;
      at("opened").replaceChildren(element("p", { className: "status error", role: "alert", textContent: error.message }));
    }
  }
}

function named(cluster, several) {
  const first = cluster.stands_out ? "stands out: " : "";
  return `${first}${cluster.class}, ${cluster.size} maps${several ? ` of ${cluster.method}` : ""}`;
}

function told(cluster) {
  const sample = cluster.sampled < cluster.maps ? ` Of its ${cluster.maps} maps, a sample of ${cluster.sampled} was compared.` : "";
  const first = cluster.stands_out ? "This cluster stands out: " : "";
  return `${first}${cluster.words}.${sample}`;
}

start().then(
  (about) => new Gallery(about),
  (error) => {
    at("model").textContent = `The studio does not answer: ${error.message}`;
  },
);
