// One map over one photo: the layers of the picture, and what is under the pointer.

import { levelsOf, paintLevels, paints, pixelsOf, signedPaints } from "./colours.js";
import { Field } from "./contour.js";
import { element, percent, short } from "./dom.js";
import { oncePerFrame } from "./frames.js";
import { boxAbove, boxOfCell, cellAt, highest, inPhoto, profiles, spread } from "./grid.js";
import { drawBox, drawContour, drawCross } from "./marks.js";
import { paintUnseen } from "./unseen.js";

const LONGEST = 560; // pixels of the heat's longer side; browsers smooth what they enlarge
const TRACED = 140; // of the field that contours are drawn of
const MARKED = 2400; // of the contours at most; they are drawn at the pixels of the screen

/** The picture of a map, which repaints what changes, once a frame, while it is in view. */
export class Stage {
  constructor(photo, onPoint) {
    this.photo = element("img", { alt: "", draggable: false, className: "photo" });
    this.unseen = element("canvas", { className: "unseen" });
    this.painted = element("div", { className: "painted" });
    this.heat = element("canvas", { className: "heat" });
    this.marks = element("canvas", { className: "marks" });
    this.edge = element("div", { className: "edge", hidden: true });
    this.root = element(
      "div",
      { className: "stage", tabIndex: 0, role: "group", "aria-label": "Map over the photo" },
      this.photo, this.unseen, this.painted, this.heat, this.marks, this.edge,
    );
    this.point = null;
    this.map = null;
    this.shown = {}; // what was painted last
    this.inView = true;
    this.repaintSoon = oncePerFrame(() => this.repaint());
    this.photo.addEventListener("load", () => {
      this.fit();
      this.repaintSoon();
    });
    this.photo.src = photo;
    this.onPoint = onPoint;
    this.listen();
    this.watch();
  }

  /** Show a map with the settings of `view`; asked for at most once a frame. */
  show(map, view, common) {
    const other = map !== this.map || common !== this.common || !this.levels;
    Object.assign(this, { map, view, common });
    if (other) this.fit();
    this.repaint();
  }

  /** Show the photo alone. */
  clear() {
    this.map = this.levels = this.above = null;
    this.greyed = null;
    for (const canvas of [this.unseen, this.heat, this.marks]) canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
  }

  // Take the size of the photo, and spread the map over it.
  fit() {
    const { naturalWidth: width, naturalHeight: height } = this.photo;
    if (!width || !this.map) return;
    const [across, down] = sized(width, height, LONGEST);
    if (this.heat.width !== across || this.heat.height !== down || !this.pixels) {
      [this.heat.width, this.heat.height] = [across, down];
      this.pixels = pixelsOf(across, down);
    }
    this.most = this.common || highest(this.map);
    this.levels = levelsOf(spread(this.map, across, down, this.most), this.map.signed);
    this.grey(across, down);
    this.field = this.profiles = null; // made when a threshold asks for them
    this.shown = {};
  }

  // Grey what was not seen: once for a photo, whatever the map.
  grey(across, down) {
    const key = `${this.photo.src} ${this.map.seen}`;
    if (this.greyed === key) return;
    this.greyed = key;
    [this.unseen.width, this.unseen.height] = [across, down];
    if (this.map.seen) this.paintUnseen(this.unseen);
  }

  /** Paint all that the view decides and that changed; a stage out of view waits. */
  repaint(always = false) {
    const { map, view, shown } = this;
    if (!this.levels || !map || !(this.inView || always)) return;
    const { threshold, opacity, wipe } = view;
    const colours = map.signed ? "signed" : view.colours;
    if (shown.colours !== colours || shown.threshold !== threshold) this.paintHeat(colours);
    if (shown.opacity !== opacity) this.heat.style.opacity = opacity;
    if (shown.wipe !== wipe) this.wipe(wipe);
    const { point, marksSize: size } = this;
    if (shown.threshold !== threshold || shown.point !== point || shown.size !== size) this.paintMarks();
    this.shown = { colours, threshold, opacity, wipe, point, size };
  }

  paintHeat(colours) {
    const { threshold, tables } = this.view;
    const table = colours === "signed" ? signedPaints(threshold) : paints(tables[colours], threshold);
    paintLevels(this.heat, this.pixels, this.levels, table);
    this.findAbove(threshold);
  }

  // What a threshold holds: its lines and its box, and their share of the photo.
  findAbove(threshold) {
    this.above = null;
    if (!(threshold > 0)) return;
    if (!this.field) {
      const [columns, rows] = sized(this.photo.naturalWidth, this.photo.naturalHeight, TRACED);
      const values = spread(this.map, columns, rows, this.most);
      this.field = new Field(this.map.signed ? values.map(Math.abs) : values, columns, rows);
      this.profiles = profiles(this.map, this.most);
    }
    const box = boxAbove(this.profiles, threshold);
    this.above = { box, share: this.field.shareAbove(threshold), lines: this.field.contour(threshold) };
  }

  wipe(share) {
    const clip = share > 0 ? `inset(0 0 0 ${100 * share}%)` : "none";
    for (const canvas of [this.unseen, this.heat, this.marks]) canvas.style.clipPath = clip;
    this.edge.hidden = !(share > 0);
    this.edge.style.transform = `translateX(${100 * share}%)`;
  }

  // The marks on the screen; a canvas that nothing is on and nothing comes on is left alone.
  paintMarks() {
    const [width, height] = this.marksSize || [0, 0];
    if (!width) return;
    const { marks, map, point } = this;
    const some = this.above || point || map.boxes.length;
    if (marks.width !== width || marks.height !== height) [marks.width, marks.height] = [width, height];
    else if (this.marked) marks.getContext("2d").clearRect(0, 0, width, height);
    if (some) this.drawMarks(marks.getContext("2d"), width, height);
    this.marked = Boolean(some);
  }

  /** Contour, boxes, and the cell pointed at, at a size in pixels. */
  drawMarks(context, width, height) {
    const { map, above } = this;
    if (above) drawContour(context, above.lines, width, height);
    if (above?.box) drawBox(context, above.box, width, height, "#fff", true);
    for (const found of map.boxes.slice(0, 20)) drawBox(context, this.detected(found), width, height, "#7fe0ff");
    const cell = this.point && cellAt(map, ...this.point);
    if (!cell) return;
    if (map.grid.rows <= 64) drawBox(context, boxOfCell(map, cell.row, cell.column), width, height, "#fff");
    drawCross(context, this.point[0] * width, this.point[1] * height, width / 80);
  }

  /** Grey what the model did not see, on a canvas of whatever size. */
  paintUnseen(canvas) {
    const [[rows, columns], [left, top, right, bottom]] = [this.map.picture, this.map.seen];
    if (Math.max(left, top, columns - right, rows - bottom) < 1) return;
    paintUnseen(canvas, this.photo, [left / columns, top / rows, right / columns, bottom / rows]);
  }

  detected({ box: [x1, y1, x2, y2] }) {
    const [y, x] = this.map.input;
    const places = [[x1 / x, 0], [y1 / y, 1], [x2 / x, 0], [y2 / y, 1]];
    return places.map(([share, axis]) => inPhoto(this.map, share, axis));
  }

  /** What is under the point, in words; "" if nothing is pointed at. */
  read() {
    if (!this.point || !this.map) return "";
    const cell = cellAt(this.map, ...this.point);
    if (!cell) return "the model did not see this place";
    const { rows, columns } = this.map.grid;
    const share = this.most > 0 ? cell.value / this.most : 0;
    const place = rows > 64 ? "" : `, cell ${cell.row + 1}, ${cell.column + 1} of ${rows} × ${columns}`;
    return `${percent(share) || "0 %"} of the highest; raw ${short(cell.own)}${place}`;
  }

  /** The threshold's box in words, as pixels of the photo. */
  told() {
    if (!this.above) return "";
    const { box, share } = this.above;
    const [rows, columns] = this.map.picture || this.map.input;
    const sides = box && [box[0] * columns, box[1] * rows, box[2] * columns, box[3] * rows].map(Math.round);
    return `above ${this.view.threshold}: ${box ? `${percent(share)} of the photo, box ${sides.join(", ")}` : "nothing"}`;
  }

  /** Point at a place, in shares of the photo's sides; null points at none. */
  pointAt(point) {
    this.point = point;
    this.repaintSoon();
  }

  // The size on the screen, and whether it is in view.
  watch() {
    const ratio = () => Math.min(window.devicePixelRatio || 1, 4);
    new ResizeObserver(([{ contentRect: { width, height } }]) => {
      const factor = Math.min(ratio(), MARKED / Math.max(width, height, 1));
      this.marksSize = [Math.round(width * factor), Math.round(height * factor)];
      this.repaintSoon();
    }).observe(this.root);
    new IntersectionObserver((seen) => {
      this.inView = seen.at(-1).isIntersecting;
      this.repaintSoon();
    }, { rootMargin: "200px" }).observe(this.root);
  }

  listen() {
    const at = (event) => {
      const box = this.root.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    };
    this.root.addEventListener("pointermove", (event) => this.onPoint(at(event), event, this));
    this.root.addEventListener("pointerdown", (event) => this.onPoint(at(event), event, this));
    this.root.addEventListener("pointerup", (event) => this.onPoint(at(event), event, this));
    this.root.addEventListener("pointerleave", (event) => this.onPoint(null, event, this));
    this.root.addEventListener("blur", (event) => this.onPoint(null, event, this));
    this.root.addEventListener("keydown", (event) => this.walk(event));
  }

  // Arrow keys go from cell to cell.
  walk(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const [x, y] = this.point || [0.5, 0.5];
    if (steps[event.key] && this.map) {
      const [rows, columns] = [Math.min(this.map.grid.rows, 28), Math.min(this.map.grid.columns, 28)];
      const point = [x + steps[event.key][0] / columns, y + steps[event.key][1] / rows];
      event.preventDefault();
      this.onPoint(point.map((share) => Math.min(Math.max(share, 0), 0.999)), event, this);
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.onPoint([x, y], event, this);
    } else if (event.key === "Escape") this.onPoint(null, event, this);
  }

  /** The painted boxes over the photo: left, top, right, bottom, in pixels of it. */
  paint(boxes, size) {
    const [width, height] = size;
    this.painted.replaceChildren(
      ...boxes.map(([left, top, right, bottom]) => {
        const box = element("div");
        box.style.left = `${(100 * left) / width}%`;
        box.style.top = `${(100 * top) / height}%`;
        box.style.width = `${(100 * (right - left)) / width}%`;
        box.style.height = `${(100 * (bottom - top)) / height}%`;
        return box;
      }),
    );
  }
}

function sized(width, height, longest) {
  const factor = longest / Math.max(width, height);
  return [Math.max(Math.round(width * factor), 1), Math.max(Math.round(height * factor), 1)];
}
