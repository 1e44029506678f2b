// Methods as chips, those that papers compare with first.

import { element } from "./dom.js";

const FIRST = "the five";

/** Chips of all methods; `onToggle(name)` shows or hides one. */
export function chips(methods, onToggle) {
  const buttons = new Map();
  const chip = (method) => {
    const quick = Object.entries(method.quick).map(([name, value]) => `${name}=${value}`).join(", ");
    const button = element("button", {
      type: "button", className: "button", textContent: method.name, "aria-pressed": "false",
      title: [method.summary, method.cost, quick && `here with ${quick}`].filter(Boolean).join("; "),
      onclick: () => onToggle(method.name),
    });
    buttons.set(method.name, button);
    return button;
  };
  const groups = [...new Set(methods.map((method) => method.group))];
  const of = (group) => methods.filter((method) => method.group === group).map(chip);
  const more = groups
    .filter((group) => group !== FIRST)
    .flatMap((group) => [element("h3", { textContent: group }), element("div", { className: "chips" }, ...of(group))]);
  return {
    root: element(
      "div", {},
      element("div", { className: "chips", role: "group", "aria-label": "Methods" }, ...of(FIRST)),
      element("details", {}, element("summary", { textContent: "More methods" }), ...more),
    ),
    mark(chosen) {
      for (const [name, button] of buttons) button.setAttribute("aria-pressed", String(chosen.includes(name)));
    },
  };
}
