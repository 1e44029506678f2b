// The part of a photo that the model did not see: grey and framed, as in Python's pictures.

const [GREY, KEPT] = [128, 0.4]; // a middle grey, and how much of the differences in lightness stays

/**
 * Paint the photo over a canvas at its size, greyed, around a box in shares of the sides; the box
 * stays clear.
 */
export function paintUnseen(canvas, photo, [left, top, right, bottom]) {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const { width, height } = canvas;
  context.drawImage(photo, 0, 0, width, height);
  const image = context.getImageData(0, 0, width, height);
  const { data } = image;
  for (let at = 0; at < data.length; at += 4) {
    const lightness = 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];
    data[at] = data[at + 1] = data[at + 2] = GREY + KEPT * (lightness - GREY);
  }
  context.putImageData(image, 0, 0);
  const box = [left * width, top * height, (right - left) * width, (bottom - top) * height];
  const line = Math.max(1, Math.sqrt(width * height) / 600);
  for (const [colour, beside] of [["#000", 2 * line], ["#fff", line]]) {
    context.fillStyle = colour;
    context.fillRect(box[0] - beside, box[1] - beside, box[2] + 2 * beside, box[3] + 2 * beside);
  }
  context.clearRect(...box);
}
