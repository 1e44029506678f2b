// The viewer in a notebook, by anywidget: values come from Python.

import { element } from "./dom.js";
import { showViewer } from "./viewer.js";

function render({ model, el }) {
  const root = element("div", { className: "camkit-viewer" });
  el.append(root);
  const show = () => showViewer(root, model.get("values"));
  model.on("change:values", show);
  show();
}

export default { render };
