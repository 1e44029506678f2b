// Painting over the photo, to see what the score rests on.

import { element, freshId } from "./dom.js";

const MOST = 400; // boxes; the address of the page holds them

/** The controls; `brush.on` says whether clicks paint, `brush.share` how wide, of the shorter side. */
export function brushControls(brush, onChange) {
  const id = freshId("brush");
  const toggle = element("button", {
    type: "button", className: "button", textContent: "Brush", "aria-pressed": "false",
    onclick: () => {
      brush.on = !brush.on;
      refresh();
    },
  });
  const size = element("input", { id, type: "range", min: 0.04, max: 0.5, step: 0.01, value: brush.share });
  size.addEventListener("input", () => {
    brush.share = Number(size.value);
  });
  const undo = element("button", { type: "button", className: "button", textContent: "Undo", onclick: () => onChange("undo") });
  const clear = element("button", { type: "button", className: "button", textContent: "Clear", onclick: () => onChange("clear") });
  const refresh = (count = 0) => {
    toggle.setAttribute("aria-pressed", String(brush.on));
    document.body.classList.toggle("painting", brush.on);
    undo.disabled = clear.disabled = count === 0;
  };
  refresh();
  const root = element(
    "div", {},
    element("div", { className: "row" }, toggle, undo, clear),
    element("div", { className: "control" }, element("label", { for: id, textContent: "Brush size" }), size),
    element("p", { className: "soft", textContent: "Click or drag over the photo with the brush on: score and map are asked for again." }),
  );
  return { root, refresh };
}

/** The box that the brush paints at a point, in pixels of a photo of this size; null outside. */
export function brushed([x, y], share, [width, height], painted) {
  if (painted.length >= MOST) return null;
  const side = Math.max(Math.round(share * Math.min(width, height)), 1);
  const [left, top] = [Math.round(x * width - side / 2), Math.round(y * height - side / 2)];
  const box = [Math.max(left, 0), Math.max(top, 0), Math.min(left + side, width), Math.min(top + side, height)];
  return box[2] > box[0] && box[3] > box[1] ? box : null;
}

/** Whether a box is far enough from the last one that a drag shall paint it. */
export function apart(box, last) {
  if (!last) return true;
  const side = Math.max(box[2] - box[0], box[3] - box[1]);
  return Math.max(Math.abs(box[0] - last[0]), Math.abs(box[1] - last[1])) >= side / 3;
}
