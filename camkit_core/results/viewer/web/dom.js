// Elements made by hand: texts stay texts, so no name of a class or a file can be markup.

/** An element with properties, `aria-*`, `data-*` or `role` attributes, and children. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (/^(aria-|data-|role$|for$|list$|dir$|scope$)/.test(name)) made.setAttribute(name, value);
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made[name] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

let lastIdentifier = 0;

/** A name for an element that no other has. */
export function freshId(stem) {
  lastIdentifier += 1;
  return `${stem}-${lastIdentifier}`;
}

/** A number with three digits that count. */
export function short(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value !== 0 && Math.abs(value) < 0.001) return value.toExponential(1);
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** A share of one in percent. */
export function percent(share) {
  if (share === null || share === undefined || !Number.isFinite(share)) return "";
  return share >= 0.1 ? `${(100 * share).toFixed(0)} %` : `${(100 * share).toFixed(1)} %`;
}

/** The bytes that a text in base 64 stands for. */
export function bytesOf(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
