// Photos: chosen, dropped, pasted, taken by a camera, or one of the strip.

import { element } from "./dom.js";
import { photoAddress } from "./server.js";

/** The strip of photos; `onPick(key)` shows one. */
export function strip(list, photos, onPick) {
  const buttons = new Map();
  const add = ({ key, name }) => {
    if (buttons.has(key)) return;
    const picture = element("img", { src: photoAddress(key, 128), alt: name, loading: "lazy", width: 64, height: 64 });
    const button = element(
      "button",
      { type: "button", className: "thumb", title: name, "aria-pressed": "false", onclick: () => onPick(key) },
      picture,
    );
    buttons.set(key, button);
    list.append(element("li", {}, button));
  };
  photos.forEach(add);
  return {
    add,
    mark(key) {
      for (const [name, button] of buttons) button.setAttribute("aria-pressed", String(name === key));
    },
  };
}

/** Listen to all the ways in which a photo comes; `onPhoto(blob, name)` takes it. */
export function listenForPhotos(onPhoto) {
  const file = document.getElementById("file");
  file.addEventListener("change", () => {
    if (file.files[0]) onPhoto(file.files[0], file.files[0].name);
    file.value = "";
  });
  const body = document.body;
  body.addEventListener("dragover", (event) => {
    event.preventDefault();
    body.classList.add("dropping");
  });
  body.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) body.classList.remove("dropping");
  });
  body.addEventListener("drop", (event) => {
    event.preventDefault();
    body.classList.remove("dropping");
    const dropped = event.dataTransfer.files[0];
    if (dropped) onPhoto(dropped, dropped.name);
  });
  document.addEventListener("paste", (event) => {
    const pasted = [...event.clipboardData.files].find((each) => each.type.startsWith("image/"));
    if (pasted) onPhoto(pasted, pasted.name || "pasted.png");
  });
  listenForCamera(onPhoto);
}

const WHY = {
  NotAllowedError: "the browser was not allowed to use the camera; allow it beside the page's address",
  NotFoundError: "there is no camera",
  NotReadableError: "another program uses the camera",
};

function listenForCamera(onPhoto) {
  const [button, box, video] = ["camera", "camera-box", "video"].map((id) => document.getElementById(id));
  if (!navigator.mediaDevices?.getUserMedia) return;
  const look = async () => {
    const devices = await navigator.mediaDevices.enumerateDevices().catch(() => []);
    button.hidden = !devices.some((each) => each.kind === "videoinput");
  };
  navigator.mediaDevices.addEventListener?.("devicechange", look);
  look();
  const stop = () => {
    for (const track of video.srcObject?.getTracks() || []) track.stop();
    video.srcObject = null;
  };
  button.addEventListener("click", async () => {
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: 1280 } });
      box.showModal();
    } catch (error) {
      onPhoto(null, WHY[error.name] || `no camera can be used (${error.name})`);
    }
  });
  box.addEventListener("close", stop);
  document.getElementById("shut").addEventListener("click", () => box.close());
  document.getElementById("shoot").addEventListener("click", () => {
    const canvas = element("canvas", { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d").drawImage(video, 0, 0);
    box.close();
    canvas.toBlob((blob) => blob && onPhoto(blob, "camera.png"), "image/png");
  });
}
