// What is drawn over heat: contour and box of a threshold, detected boxes, the cell pointed at.

/** Lines of a contour, dark around white, at a width of so many pixels. */
export function drawContour(context, lines, width, height) {
  const path = new Path2D();
  for (const { points, closed } of lines) {
    path.moveTo(points[0] * width, points[1] * height);
    for (let at = 2; at < points.length; at += 2) path.lineTo(points[at] * width, points[at + 1] * height);
    if (closed) path.closePath();
  }
  context.lineJoin = "bevel"; // the others cost more, and steps of a pixel or two show no joints
  for (const [colour, thick] of [["rgba(0, 0, 0, .75)", 4.5], ["#fff", 2.2]]) {
    context.strokeStyle = colour;
    context.lineWidth = (thick * width) / 700;
    context.stroke(path);
  }
}

/** A box in shares of the sides: left, top, right, bottom. */
export function drawBox(context, [left, top, right, bottom], width, height, colour, dashed = false) {
  const box = [left * width, top * height, (right - left) * width, (bottom - top) * height];
  context.lineWidth = width / 160;
  context.strokeStyle = "rgba(0, 0, 0, .6)";
  context.strokeRect(...box);
  context.setLineDash(dashed ? [width / 90, width / 120] : []);
  context.lineWidth = width / 330;
  context.strokeStyle = colour;
  context.strokeRect(...box);
  context.setLineDash([]);
}

/** The point that is pointed at. */
export function drawCross(context, x, y, size) {
  for (const [colour, thick] of [["rgba(0, 0, 0, .7)", size / 3], ["#fff", size / 7]]) {
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
