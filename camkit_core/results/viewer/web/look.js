// How maps are drawn: opacity, colours, threshold, before and after, scale.

import { element, freshId } from "./dom.js";

export const USUAL_LOOK = { opacity: 0.6, colours: "inferno", threshold: 0, wipe: 0, scale: "own" };

/** The controls of a view, which they change in place before they call `onChange`. */
export function lookControls(view, onChange) {
  const names = Object.keys(view.tables);
  const controls = [
    slider("Opacity", view, "opacity", 1, onChange),
    slider("Threshold", view, "threshold", 0.99, onChange),
    slider("Before / after", view, "wipe", 1, onChange),
    choice("Colours", view, "colours", names.map((name) => [name, name]), onChange),
    choice("Scale", view, "scale", [["own", "each its own"], ["common", "common to all"]], onChange),
  ];
  return {
    root: element("div", { className: "look" }, ...controls.map((each) => each.root)),
    refresh: () => controls.forEach((each) => each.refresh()),
  };
}

function slider(label, view, name, most, onChange) {
  const id = freshId(name);
  const input = element("input", { id, type: "range", min: 0, max: most, step: 0.01 });
  const output = element("output", { for: id });
  const refresh = () => {
    input.value = view[name];
    output.textContent = Number(view[name]).toFixed(2);
  };
  input.addEventListener("input", () => {
    view[name] = Number(input.value);
    output.textContent = view[name].toFixed(2);
    onChange(name);
  });
  refresh();
  const head = element("label", { for: id, textContent: label });
  return { root: element("div", { className: "control" }, head, output, input), refresh };
}

function choice(label, view, name, options, onChange) {
  const id = freshId(name);
  const select = element(
    "select", { id },
    ...options.map(([value, text]) => element("option", { value, textContent: text })),
  );
  const refresh = () => {
    select.value = view[name];
  };
  select.addEventListener("change", () => {
    view[name] = select.value;
    onChange(name);
  });
  refresh();
  const head = element("label", { for: id, textContent: label });
  return { root: element("div", { className: "control" }, head, select), refresh };
}
