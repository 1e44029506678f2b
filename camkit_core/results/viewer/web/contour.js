// The line around what is above a threshold: marching squares, joined to lines as long as they go.

const [TOP, RIGHT, BOTTOM, LEFT] = [0, 1, 2, 3]; // the sides of a square between four values
// Where lines enter and leave a square, what is above on their right, by which of its corners are
// above: 1 the upper left, 2 the upper right, 4 the lower right, 8 the lower left.
const TURNS = [
  [], [TOP, LEFT], [RIGHT, TOP], [RIGHT, LEFT],
  [BOTTOM, RIGHT], [TOP, RIGHT, BOTTOM, LEFT], [BOTTOM, TOP], [BOTTOM, LEFT],
  [LEFT, BOTTOM], [TOP, BOTTOM], [RIGHT, TOP, LEFT, BOTTOM], [RIGHT, BOTTOM],
  [LEFT, RIGHT], [TOP, RIGHT], [LEFT, TOP], [],
];

/**
 * A field of values, row by row, whose contours are asked for again and again; NaN is below all.
 * What does not depend on the level is done once.
 */
export class Field {
  constructor(values, columns, rows) {
    this.values = values.map((value) => (Number.isNaN(value) ? -1 : value));
    this.columns = columns;
    this.rows = rows;
    this.onward = new Int32Array(2 * values.length).fill(-1); // by the side of a square that a line enters
    this.entered = new Uint8Array(2 * values.length);
    this.measure();
  }

  // The lowest and highest corner of each square: most squares are not crossed.
  measure() {
    const { values, columns, rows } = this;
    this.low = new Float32Array(values.length).fill(Infinity);
    this.high = new Float32Array(values.length).fill(-Infinity);
    for (let at = 0; at < columns * (rows - 1); at += 1) {
      if (at % columns === columns - 1) continue;
      const below = at + columns;
      this.low[at] = Math.min(values[at], values[at + 1], values[below], values[below + 1]);
      this.high[at] = Math.max(values[at], values[at + 1], values[below], values[below + 1]);
    }
  }

  /** The share of the values from `level` on. */
  shareAbove(level) {
    const { values } = this;
    let count = 0;
    for (let at = 0; at < values.length; at += 1) if (values[at] >= level) count += 1;
    return count / values.length;
  }

  /**
   * The lines between values below and from `level` on: for each, whether it is `closed`, and its
   * `points` x, y, x, y ... in shares of the field's sides.
   */
  contour(level) {
    const starts = this.linked(level);
    const open = starts.filter((side) => !this.entered[side]);
    const lines = open.map((side) => this.followed(side, level));
    for (const side of starts) {
      if (this.onward[side] >= 0) lines.push(this.followed(side, level));
    }
    return lines;
  }

  // Sets where lines go on from each side of a square; gives the sides that they go on from.
  linked(level) {
    const { low, high, values, columns } = this;
    const starts = [];
    for (let at = 0; at < low.length; at += 1) {
      if (!(low[at] < level && level <= high[at])) continue;
      const above = (values[at] >= level) + 2 * (values[at + 1] >= level) +
        4 * (values[at + columns + 1] >= level) + 8 * (values[at + columns] >= level);
      const turns = TURNS[above];
      for (let turn = 0; turn < turns.length; turn += 2) {
        const [from, to] = [this.side(at, turns[turn]), this.side(at, turns[turn + 1])];
        this.onward[from] = to;
        this.entered[to] = 1;
        starts.push(from);
      }
    }
    return starts;
  }

  // The number of a square's side: even between a value and its right, odd between it and its lower one.
  side(at, which) {
    if (which === TOP) return 2 * at;
    if (which === LEFT) return 2 * at + 1;
    return which === RIGHT ? 2 * (at + 1) + 1 : 2 * (at + this.columns);
  }

  // The line from a side on, to its end or back to where it began; what it passed is cleared.
  followed(start, level) {
    const points = [];
    let side = start;
    while (side >= 0) {
      this.cross(side, level, points);
      const next = this.onward[side];
      this.onward[side] = -1;
      this.entered[side] = 0;
      if (next === start) return { points, closed: true };
      side = next;
    }
    return { points, closed: false };
  }

  // Where the level lies between two values, in shares of the field's sides.
  cross(side, level, points) {
    const { values, columns, rows } = this;
    const at = side >> 1;
    const down = side & 1;
    const from = values[at];
    const part = (level - from) / (values[at + (down ? columns : 1)] - from);
    const x = at % columns;
    points.push((x + 0.5 + (down ? 0 : part)) / columns, ((at - x) / columns + 0.5 + (down ? part : 0)) / rows);
  }
}
