// One map over one photo: the layers of the picture, and what is under the pointer.

import { levelsOf, paintLevels, paints, signedPaints } from "./colours.js";
import { boxAbove, contour } from "./contour.js";
import { element, percent, short } from "./dom.js";
import { boxOfCell, cellAt, highest, inPhoto, spread } from "./grid.js";

const LONGEST = 560; // pixels of the heat's longer side; browsers smooth what they enlarge
const TRACED = 140; // of the field that contours are drawn of

/** The picture of a map, which repaints itself in a few milliseconds. */
export class Stage {
  constructor(photo, onPoint) {
    this.photo = element("img", { alt: "", draggable: false, className: "photo" });
    this.painted = element("div", { className: "painted" });
    this.heat = element("canvas", { className: "heat" });
    this.marks = element("canvas", { className: "marks" });
    this.edge = element("div", { className: "edge" });
    this.root = element(
      "div",
      { className: "stage", tabIndex: 0, role: "group", "aria-label": "Map over the photo" },
      this.photo, this.painted, this.heat, this.marks, this.edge,
    );
    this.point = null;
    this.map = null;
    this.photo.addEventListener("load", () => this.fit());
    this.photo.src = photo;
    this.onPoint = onPoint;
    this.listen();
  }

  /** Show a map, or none, with the settings of `view`. */
  show(map, view, common) {
    const other = map !== this.map || common !== this.common || !this.field;
    Object.assign(this, { map, view, common });
    if (other) this.fit();
    else this.repaint();
  }

  /** Take the size of the photo, and spread the map over it. */
  fit() {
    const { naturalWidth: width, naturalHeight: height } = this.photo;
    if (!width || !this.map) return;
    const [across, down] = sized(width, height, LONGEST);
    const [heat, marks] = [this.heat, this.marks];
    if (heat.width !== across || heat.height !== down) [heat.width, heat.height] = [across, down];
    const most = this.common || highest(this.map);
    this.most = most;
    this.levels = levelsOf(spread(this.map, across, down, most), this.map.signed);
    const [columns, rows] = sized(width, height, TRACED);
    this.field = { columns, rows, values: spread(this.map, columns, rows, most) };
    [marks.width, marks.height] = sized(width, height, Math.max(LONGEST, 1000));
    this.repaint();
  }

  /** Paint all that the view decides; the map itself stays as it was spread. */
  repaint() {
    const { map, view } = this;
    if (!this.field || !map) return;
    const colours = map.signed
      ? signedPaints(view.threshold)
      : paints(view.tables[view.colours], view.threshold);
    if (this.painting !== `${view.colours} ${view.threshold}` || this.paintedLevels !== this.levels) {
      paintLevels(this.heat, this.levels, colours);
      this.painting = `${view.colours} ${view.threshold}`;
      this.paintedLevels = this.levels;
    }
    this.heat.style.opacity = view.opacity;
    this.heat.style.clipPath = view.wipe > 0 ? `inset(0 0 0 ${100 * view.wipe}%)` : "none";
    this.edge.hidden = !(view.wipe > 0);
    this.edge.style.left = `${100 * view.wipe}%`;
    this.drawMarks();
  }

  /** Contour, boxes, what the model did not see, and the cell that is pointed at. */
  drawMarks() {
    const { marks, map, view } = this;
    const context = marks.getContext("2d");
    const [width, height] = [marks.width, marks.height];
    context.clearRect(0, 0, width, height);
    this.shadeUnseen(context, width, height);
    this.above = null;
    if (view.threshold > 0) this.drawThreshold(context, width, height);
    for (const box of map.boxes.slice(0, 20)) this.drawDetected(context, box, width, height);
    const cell = this.point && cellAt(map, ...this.point);
    if (cell) {
      const box = boxOfCell(map, cell.row, cell.column);
      if (map.grid.rows <= 64) outlined(context, box, width, height, "#fff", []);
      const [x, y] = [this.point[0] * width, this.point[1] * height];
      cross(context, x, y, width / 80);
    }
  }

  shadeUnseen(context, width, height) {
    if (!this.map.seen) return;
    const [rows, columns] = this.map.picture;
    const [left, top, right, bottom] = this.map.seen;
    context.fillStyle = "rgba(110, 110, 110, .55)";
    context.beginPath();
    context.rect(0, 0, width, height);
    context.rect(
      (right / columns) * width, (top / rows) * height,
      ((left - right) / columns) * width, ((bottom - top) / rows) * height,
    );
    context.fill("evenodd");
  }

  drawThreshold(context, width, height) {
    const { values, columns, rows } = this.field;
    const { threshold } = this.view;
    const path = new Path2D();
    for (const [x1, y1, x2, y2] of contour(values, columns, rows, threshold)) {
      path.moveTo(x1 * width, y1 * height);
      path.lineTo(x2 * width, y2 * height);
    }
    for (const [colour, thick] of [["rgba(0, 0, 0, .75)", 4.5], ["#fff", 2.2]]) {
      context.strokeStyle = colour;
      context.lineWidth = (thick * width) / 700;
      context.stroke(path);
    }
    this.above = boxAbove(values, columns, rows, threshold);
    if (this.above) outlined(context, this.above.box, width, height, "#fff", [width / 90, width / 120]);
  }

  drawDetected(context, found, width, height) {
    const [y, x] = this.map.input;
    const [x1, y1, x2, y2] = found.box;
    const box = [
      inPhoto(this.map, x1 / x, 0), inPhoto(this.map, y1 / y, 1),
      inPhoto(this.map, x2 / x, 0), inPhoto(this.map, y2 / y, 1),
    ];
    outlined(context, box, width, height, "#7fe0ff", []);
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
    const [rows, columns] = this.map.picture || this.map.input;
    const [left, top, right, bottom] = this.above.box;
    const box = [left * columns, top * rows, right * columns, bottom * rows].map(Math.round);
    return `above ${short(this.view.threshold)}: ${percent(this.above.share)} of the photo, box ${box.join(", ")}`;
  }

  /** Point at a place, in shares of the photo's sides; null points at none. */
  pointAt(point) {
    this.point = point;
    if (this.field) this.drawMarks();
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

function outlined(context, [left, top, right, bottom], width, height, colour, dashes) {
  const box = [left * width, top * height, (right - left) * width, (bottom - top) * height];
  context.setLineDash([]);
  context.lineWidth = width / 160;
  context.strokeStyle = "rgba(0, 0, 0, .6)";
  context.strokeRect(...box);
  context.setLineDash(dashes);
  context.lineWidth = width / 330;
  context.strokeStyle = colour;
  context.strokeRect(...box);
  context.setLineDash([]);
}

function cross(context, x, y, size) {
  for (const [colour, thick] of [["rgba(0, 0, 0, .7)", 4], ["#fff", 1.8]]) {
    context.strokeStyle = colour;
    context.lineWidth = thick;
    context.beginPath();
    context.moveTo(x - size, y);
    context.lineTo(x + size, y);
    context.moveTo(x, y - size);
    context.lineTo(x, y + size);
    context.stroke();
  }
}
