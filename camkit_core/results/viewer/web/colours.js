// Colours of heat: a table of 256, looked up for each pixel.

import { bytesOf } from "./dom.js";

const FULL_FROM = 0.5; // the evidence from which on the heat has all of its opacity
const FOR = [230, 97, 1]; // of a difference: orange speaks for the class,
const AGAINST = [94, 60, 153]; // and violet for the other; all eyes tell them apart

/** A colour map of Python's as 256 times red, green, blue. */
export function tableOf(text) {
  return bytesOf(text);
}

/** What each level from 0 to 255 is painted as, below the threshold nothing: 256 RGBA in 32 bits. */
export function paints(table, threshold) {
  const bytes = new Uint8ClampedArray(256 * 4);
  for (let level = 0; level < 256; level += 1) {
    const share = level / 255 < threshold ? 0 : Math.min(level / 255 / FULL_FROM, 1);
    bytes.set([table[3 * level], table[3 * level + 1], table[3 * level + 2]], 4 * level);
    bytes[4 * level + 3] = Math.round(255 * share);
  }
  return new Uint32Array(bytes.buffer);
}

/** The same for a difference: 256 levels for, and 256 against. */
export function signedPaints(threshold) {
  const sides = [FOR, AGAINST].map((colour) => {
    const table = new Uint8Array(768);
    for (let level = 0; level < 256; level += 1) table.set(colour, 3 * level);
    return paints(table, threshold);
  });
  const both = new Uint32Array(512);
  sides.forEach((side, index) => both.set(side, 256 * index));
  return both;
}

/** The level of each value, an index into the paints; 0 where nothing was seen. */
export function levelsOf(values, signed) {
  const levels = new Uint16Array(values.length);
  for (let index = 0; index < values.length; index += 1) {
    const size = Math.min(Math.round(Math.abs(values[index]) * 255), 255) || 0;
    levels[index] = signed && values[index] < 0 ? 256 + size : size;
  }
  return levels;
}

/** Pixels of so many, to be painted again and again. */
export function pixelsOf(width, height) {
  const image = new ImageData(width, height);
  return { image, words: new Uint32Array(image.data.buffer) };
}

/** Paint levels onto a canvas by way of `pixels` of its size. */
export function paintLevels(canvas, pixels, levels, colours) {
  const { image, words } = pixels;
  for (let index = 0; index < words.length; index += 1) words[index] = colours[levels[index]];
  canvas.getContext("2d").putImageData(image, 0, 0);
}
