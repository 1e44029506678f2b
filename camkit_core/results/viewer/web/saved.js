// A saved page: its values are in the page.

import { showViewer } from "./viewer.js";

const values = JSON.parse(document.getElementById("values").textContent);
showViewer(document.getElementById("viewer"), values);
