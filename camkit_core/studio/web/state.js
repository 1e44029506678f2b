// All that the page shows, in its address: a reload, a bookmark and the back button restore it.

import { USUAL_LOOK } from "./look.js";

const USUAL = {
  photo: null, target: null, minus: null, methods: ["gradcam"], layer: null, painted: [], ...USUAL_LOOK,
};

/** The state that an address says, the usual where it says nothing. */
export function readState(hash) {
  const said = new URLSearchParams(hash.replace(/^#/, ""));
  const state = { ...USUAL };
  for (const name of ["photo", "layer", "colours", "scale"]) {
    if (said.get(name)) state[name] = said.get(name);
  }
  for (const name of ["target", "minus"]) {
    if (said.get(name)) state[name] = targetOf(said.get(name));
  }
  for (const name of ["opacity", "threshold", "wipe"]) {
    const number = Number.parseFloat(said.get(name));
    if (number >= 0 && number <= 1) state[name] = number;
  }
  if (said.get("methods")) state.methods = said.get("methods").split(",").slice(0, 12);
  state.painted = (said.get("painted") || "").split(";").map(boxOf).filter(Boolean);
  return state;
}

/** The address of a state: what is not as usual. */
export function writeState(state) {
  const said = new URLSearchParams();
  for (const name of ["photo", "layer", "colours", "scale", "opacity", "threshold", "wipe"]) {
    if (state[name] !== USUAL[name] && state[name] !== null) said.set(name, state[name]);
  }
  for (const name of ["target", "minus"]) {
    if (state[name] !== null) said.set(name, typeof state[name] === "number" ? `#${state[name]}` : state[name]);
  }
  if (state.methods.join() !== USUAL.methods.join()) said.set("methods", state.methods.join());
  if (state.painted.length) said.set("painted", state.painted.map((box) => box.join()).join(";"));
  return `#${said}`;
}

// A class by number has a hash before it; other texts are words.
function targetOf(text) {
  return /^#\d{1,6}$/.test(text) ? Number(text.slice(1)) : text;
}

function boxOf(text) {
  const sides = text.split(",").map(Number);
  return sides.length === 4 && sides.every((side) => Number.isInteger(side) && side >= 0) ? sides : null;
}
