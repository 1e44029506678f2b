// The best classes as bars; a click explains one.

import { element, percent, short } from "./dom.js";

/**
 * A list of classes. `onPick(target)` explains one; `onMinus(target)`, where given, takes its map
 * away from the map that is shown.
 */
export function bars(best, target, minus, onPick, onMinus) {
  const most = Math.max(...best.map((each) => each.share ?? 0), 1e-9);
  return element(
    "ol", { className: "bars" },
    ...best.map((each) => {
      const pressed = String(each.target === target);
      const fill = element("span", { className: "fill" });
      fill.style.width = `${(100 * (each.share ?? 0)) / most}%`;
      const pick = element(
        "button",
        { type: "button", className: "bar", "aria-pressed": pressed, onclick: () => onPick(each.target) },
        fill,
        element("span", { className: "name", dir: "auto", textContent: each.class }),
        element("span", { className: "number", textContent: percent(each.share) || short(each.score) }),
      );
      const away = onMinus && each.target !== target
        ? element("button", {
            type: "button", className: "minus", textContent: "−",
            title: `Take the map of ${each.class} away`,
            "aria-label": `Take the map of ${each.class} away`,
            "aria-pressed": String(each.target === minus),
            onclick: () => onMinus(each.target === minus ? null : each.target),
          })
        : onMinus ? element("span", { className: "minus" }) : null;
      return element("li", {}, pick, away);
    }),
  );
}
