// A map as the method made it: signed values on the layer's grid, and where they lie in the photo.

import { bytesOf } from "./dom.js";

/** A map with its values decoded. `record` is what Python's `map_record` gives. */
export function mapOf(record) {
  const bytes = bytesOf(record.grid.values);
  return { ...record, values: new Float32Array(bytes.buffer) };
}

/** The map of one class less that of another, on the same grid; signed, and about no one class. */
export function difference(first, second) {
  const values = first.values.map((value, index) => value - second.values[index]);
  return { ...first, values, signed: true, blank: null, minus: second };
}

// Between the middles of two cells a value changes linearly; beyond the outermost it stays.
function between(position, count) {
  const place = Math.min(Math.max(position * count - 0.5, 0), count - 1);
  const low = Math.min(Math.floor(place), count - 1);
  return { low, high: Math.min(low + 1, count - 1), part: place - low };
}

// What is made of a map once, and kept as long as the map.
function remembered(make) {
  const made = new WeakMap();
  return (map) => {
    if (!made.has(map)) made.set(map, make(map));
    return made.get(map);
  };
}

// Evidence counts where it is positive, but for a difference, which has two sides.
function evidence(map) {
  return map.signed ? map.values : map.values.map((value) => Math.max(value, 0));
}

// A field of rows and columns at places, each a share of its width (`across`) and height (`down`);
// NaN at places outside of it.
function interpolated({ cells, rows, columns }, across, down) {
  const xs = across.map((share) => (share < 0 || share > 1 ? null : between(share, columns)));
  const made = new Float32Array(across.length * down.length).fill(NaN);
  for (let line = 0; line < down.length; line += 1) {
    if (down[line] < 0 || down[line] > 1) continue;
    const y = between(down[line], rows);
    const [upper, lower] = [y.low * columns, y.high * columns];
    for (let column = 0; column < xs.length; column += 1) {
      const x = xs[column];
      if (x === null) continue;
      const above = cells[upper + x.low] * (1 - x.part) + cells[upper + x.high] * x.part;
      const below = cells[lower + x.low] * (1 - x.part) + cells[lower + x.high] * x.part;
      made[line * across.length + column] = above * (1 - y.part) + below * y.part;
    }
  }
  return made;
}

function middles(count) {
  return Array.from({ length: count }, (_, index) => (index + 0.5) / count);
}

// A map at the size of the model's input: as in Python, it goes from there to the photo.
const atInput = remembered((map) => {
  const [rows, columns] = map.input;
  const cells = interpolated({ cells: evidence(map), ...map.grid }, middles(columns), middles(rows));
  return { cells, rows, columns };
});

/** The highest value of the map at the model's input, which a heatmap is divided by. */
export const highest = remembered((map) =>
  atInput(map).cells.reduce((most, value) => Math.max(most, Math.abs(value)), 0),
);

/** Where the share of the photo's width (axis 0) or height (axis 1) lies in the input. */
export function inInput(map, share, axis) {
  if (!map.picture) return share;
  const [height, width] = map.picture;
  const place = share * (axis === 0 ? width : height);
  const side = axis === 0 ? map.input[1] : map.input[0];
  return (place - map.corner[axis]) / map.step[axis] / side;
}

/** The map over the photo at so many pixels, divided by `most`; NaN where nothing was seen. */
export function spread(map, width, height, most) {
  const across = middles(width).map((share) => inInput(map, share, 0));
  const down = middles(height).map((share) => inInput(map, share, 1));
  const values = interpolated(atInput(map), across, down);
  return most > 0 ? values.map((value) => value / most) : values.map((value) => value * 0);
}

/**
 * The highest values of each row and of each column of the photo's pixels, divided by `most`.
 * Between the middles of the input's pixels a map is linear, so along
 * a row its highest value is at one of these or at an end.
 */
export function profiles(map, most) {
  const [height, width] = map.picture || map.input;
  const across = middles(width).map((share) => inInput(map, share, 0));
  const down = middles(height).map((share) => inInput(map, share, 1));
  const field = atInput(map);
  const rows = interpolated(field, turningPoints(across, field.columns), down);
  const columns = interpolated(field, across, turningPoints(down, field.rows));
  const [each, lines] = [rows.length / height, columns.length / width];
  return {
    rows: Float32Array.from(down, (_, row) => peak(each, (index) => rows[row * each + index]) / most),
    columns: Float32Array.from(across, (_, column) => peak(lines, (index) => columns[index * width + column]) / most),
  };
}

// The middles of pixels that lie between the first and the last of these places, and both ends.
function turningPoints(places, count) {
  const inside = places.filter((share) => share >= 0 && share <= 1);
  const [low, high] = [Math.min(inside[0], inside.at(-1)), Math.max(inside[0], inside.at(-1))];
  return [low, ...middles(count).filter((share) => share > low && share < high), high];
}

function peak(count, valueAt) {
  let most = -1;
  for (let index = 0; index < count; index += 1) most = Math.max(most, Math.abs(valueAt(index)) || 0);
  return most;
}

/** The box around what reaches a level, in shares of the photo's sides, of its profiles; or null. */
export function boxAbove({ rows, columns }, level) {
  const reaches = (value) => value >= level;
  const [left, top] = [columns.findIndex(reaches), rows.findIndex(reaches)];
  if (left < 0 || top < 0) return null;
  const [right, bottom] = [columns.findLastIndex(reaches) + 1, rows.findLastIndex(reaches) + 1];
  return [left / columns.length, top / rows.length, right / columns.length, bottom / rows.length];
}

/** The cell under a point of the photo, its own value, and the value between cells; or null. */
export function cellAt(map, x, y) {
  const [across, down] = [inInput(map, x, 0), inInput(map, y, 1)];
  if (across < 0 || across >= 1 || down < 0 || down >= 1) return null;
  const row = Math.floor(down * map.grid.rows);
  const column = Math.floor(across * map.grid.columns);
  const [value] = interpolated(atInput(map), [across], [down]);
  return { row, column, own: map.values[row * map.grid.columns + column], value };
}

/** A cell's box in the photo, in shares of its sides: left, top, right, bottom. */
export function boxOfCell(map, row, column) {
  const { rows, columns } = map.grid;
  const corners = [
    [inPhoto(map, column / columns, 0), inPhoto(map, row / rows, 1)],
    [inPhoto(map, (column + 1) / columns, 0), inPhoto(map, (row + 1) / rows, 1)],
  ];
  const [xs, ys] = [0, 1].map((axis) => corners.map((corner) => corner[axis]).sort((a, b) => a - b));
  return [xs[0], ys[0], xs[1], ys[1]];
}

/** Where a share of the input's side lies in the photo, as a share of its side. */
export function inPhoto(map, share, axis) {
  if (!map.picture) return share;
  const side = axis === 0 ? map.input[1] : map.input[0];
  const whole = axis === 0 ? map.picture[1] : map.picture[0];
  return (map.corner[axis] + share * side * map.step[axis]) / whole;
}
