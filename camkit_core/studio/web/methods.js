// Methods as chips, those that papers compare with first; and the layer, by a slider.

import { element, freshId } from "./dom.js";

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

/** A slider over the layers; `onPick(name)` takes one, null the model's own. */
export function layerSlider(found, chosen, onPick) {
  const names = found.layers.map((layer) => layer.name);
  if (names.length < 2) return element("p", { className: "soft", textContent: "one layer can be explained" });
  const id = freshId("layer");
  const own = Math.max(names.indexOf(found.choice), 0);
  const at = chosen === null ? own : Math.max(names.indexOf(chosen), 0);
  const output = element("output", { for: id });
  const input = element("input", { id, type: "range", min: 0, max: names.length - 1, step: 1, value: at });
  const tell = () => {
    const layer = found.layers[input.value];
    output.textContent = layer.layout;
    text.textContent = layer.name + (layer.name === found.choice ? " (the model's own)" : "");
    input.setAttribute("aria-valuetext", text.textContent);
  };
  const text = element("span", { className: "soft" });
  input.addEventListener("input", tell);
  input.addEventListener("change", () => onPick(names[input.value] === found.choice ? null : names[input.value]));
  tell();
  const head = element("label", { for: id, textContent: "Layer" });
  return element("div", { className: "control layer" }, head, output, input, text);
}
