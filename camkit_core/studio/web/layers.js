// The layer, by a slider. Which layers there are is asked when somebody reaches for it: to find
// them the model runs many times, and nobody's first click shall wait for that.

import { element, freshId } from "./dom.js";

/**
 * The slider. `ask()` gives the layers and the model's own choice; `onPick(name)` takes a layer,
 * null the model's own.
 */
export function layerControl(ask, onPick) {
  const id = freshId("layer");
  const output = element("output", { for: id });
  const input = element("input", { id, type: "range", min: 0, max: 1, step: 1, value: 1 });
  const text = element("span", { className: "soft", role: "status" });
  const head = element("label", { for: id, textContent: "Layer" });
  const root = element("div", { className: "control layer", hidden: true }, head, output, input, text);
  let [found, asked, shown] = [null, false, { layer: null, of: "" }];

  const names = () => found.layers.map((layer) => layer.name);

  function tell() {
    const layer = found?.layers[input.value];
    const name = layer?.name ?? shown.of;
    const own = found ? name === found.choice : shown.layer === null;
    output.textContent = layer?.layout ?? "";
    text.textContent = name + (own ? " (the model's own)" : "");
    input.setAttribute("aria-valuetext", text.textContent);
  }

  function place() {
    if (found) {
      input.max = found.layers.length - 1;
      input.value = Math.max(names().indexOf(shown.layer ?? found.choice), 0);
      input.hidden = found.layers.length < 2;
    }
    tell();
    if (input.hidden) text.textContent = `${text.textContent}; no other can be explained`;
  }

  async function reach() {
    if (asked) return;
    asked = true;
    text.textContent = "Finding the layers …";
    try {
      found = await ask();
      place();
    } catch (error) {
      asked = false;
      text.textContent = `the layers cannot be listed: ${error.message}`;
    }
  }

  for (const kind of ["pointerenter", "pointerdown", "focusin"]) root.addEventListener(kind, reach);
  input.addEventListener("input", () => found && tell());
  input.addEventListener("change", () => {
    const name = found?.layers[input.value].name;
    if (found) onPick(name === found.choice ? null : name);
  });
  return {
    root,
    /** Show the layer of a map: the `layer` that was picked, null for the model's own. */
    show(layer, of) {
      shown = { layer, of };
      root.hidden = false;
      if (!asked || found) place();
    },
  };
}
