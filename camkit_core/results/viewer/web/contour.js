// The line around what is above a threshold, and the box around it: marching squares.

/**
 * Lines [x1, y1, x2, y2] in shares of the field's sides, between values below and from `level` on.
 * `field` has `width` times `height` values; NaN counts as below.
 */
export function contour(field, width, height, level) {
  const lines = [];
  const at = (x, y) => {
    const value = field[y * width + x];
    return Number.isNaN(value) ? -1 : value;
  };
  for (let y = 0; y < height - 1; y += 1) {
    for (let x = 0; x < width - 1; x += 1) {
      const corners = [at(x, y), at(x + 1, y), at(x + 1, y + 1), at(x, y + 1)];
      const points = crossings(corners, level, x, y);
      for (let index = 0; index + 1 < points.length; index += 2) {
        const [[x1, y1], [x2, y2]] = [points[index], points[index + 1]];
        lines.push([(x1 + 0.5) / width, (y1 + 0.5) / height, (x2 + 0.5) / width, (y2 + 0.5) / height]);
      }
    }
  }
  return lines;
}

const SIDES = [[0, 0, 1, 0], [1, 0, 1, 1], [1, 1, 0, 1], [0, 1, 0, 0]];

// Where the level crosses the four sides of a square, in order around it.
function crossings(corners, level, x, y) {
  const points = [];
  for (let side = 0; side < 4; side += 1) {
    const [from, to] = [corners[side], corners[(side + 1) % 4]];
    if (from >= level === to >= level) continue;
    const part = (level - from) / (to - from);
    const [x1, y1, x2, y2] = SIDES[side];
    points.push([x + x1 + (x2 - x1) * part, y + y1 + (y2 - y1) * part]);
  }
  return points;
}

/** The box around values from `level` on, in shares of the sides, and their share; or null. */
export function boxAbove(field, width, height, level) {
  let [left, top, right, bottom, count] = [width, height, -1, -1, 0];
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (!(field[y * width + x] >= level)) continue;
      count += 1;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  }
  if (!count) return null;
  const box = [left / width, top / height, (right + 1) / width, (bottom + 1) / height];
  return { box, share: count / (width * height) };
}
