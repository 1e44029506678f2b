// Files to keep: the picture as it is on the screen, the raw values, and a page of its own.

import { element } from "./dom.js";

/** Hand a file to the browser's downloads. */
export function download(blob, name) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** The picture of a stage as it is shown, at the photo's size, as a PNG. */
export function drawn(stage, painted, size) {
  const { naturalWidth: width, naturalHeight: height } = stage.photo;
  const canvas = element("canvas", { width, height });
  const context = canvas.getContext("2d");
  stage.repaint(true); // also where it is out of view
  const paint = () => drawPainted(context, painted, width / size[0], height / size[1]);
  context.drawImage(stage.photo, 0, 0);
  paint();
  const from = stage.view.wipe;
  context.beginPath();
  context.rect(from * width, 0, (1 - from) * width, height);
  context.clip();
  drawUnseen(context, stage, width, height);
  paint();
  context.globalAlpha = stage.view.opacity;
  context.imageSmoothingQuality = "high";
  context.drawImage(stage.heat, 0, 0, width, height);
  context.globalAlpha = 1;
  stage.drawMarks(context, width, height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

function drawUnseen(context, stage, width, height) {
  if (!stage.map.seen) return;
  const canvas = element("canvas", { width, height });
  stage.paintUnseen(canvas);
  context.drawImage(canvas, 0, 0);
}

// Boxes in pixels of a photo, which is drawn so many times as wide and as high.
function drawPainted(context, painted, across, down) {
  context.fillStyle = "rgb(127, 127, 127)";
  for (const [left, top, right, bottom] of painted) {
    context.fillRect(left * across, top * down, (right - left) * across, (bottom - top) * down);
  }
}

/** A page that shows `values` without a server, made of a page with {} in their place. */
export function completed(page, values) {
  const data = JSON.stringify(values).replaceAll("<", "\\u003c");
  return page.replace(/(<script type="application\/json" id="values">)\{\}/, (_, before) => before + data);
}

/** A photo that is on the page, painted over, as the source of an image in another one. */
export function sourceOf(photo, painted, size) {
  const canvas = element("canvas", { width: photo.naturalWidth, height: photo.naturalHeight });
  const context = canvas.getContext("2d");
  context.drawImage(photo, 0, 0);
  drawPainted(context, painted, photo.naturalWidth / size[0], photo.naturalHeight / size[1]);
  return canvas.toDataURL("image/jpeg", 0.9);
}

/** A name for a file, of a photo's name and what else tells it apart. */
export function fileName(...parts) {
  const words = parts.map((part) => String(part).replace(/\.\w{1,5}$/, "").replace(/[^\p{L}\p{N}+-]+/gu, "-"));
  return words.join("_").slice(0, 120);
}
