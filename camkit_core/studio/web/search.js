// A search box for any class, or for words where the model reads texts.

import { element, freshId } from "./dom.js";

const SHOWN = 8;

/** `classes` are names by number; `onPick(target)` explains one. Words go to models of texts. */
export function search(classes, task, onPick) {
  const id = freshId("found");
  const words = task === "text-image";
  const label = words ? "Look for, in words" : "Search any class";
  const input = element("input", {
    type: "text", role: "combobox", "aria-expanded": "false", "aria-controls": id, placeholder: label,
    "aria-label": label, "aria-autocomplete": words ? "none" : "list", autocomplete: "off", spellcheck: false, dir: "auto",
  });
  const list = element("ul", { id, role: "listbox", "aria-label": "Classes found" });
  let [found, at] = [[], 0];

  function show(matches) {
    found = matches;
    at = 0;
    input.setAttribute("aria-expanded", String(found.length > 0));
    list.replaceChildren(
      ...found.map((number, index) =>
        element("li", {
          id: `${id}-${index}`, role: "option", textContent: classes[number], dir: "auto",
          onpointerdown: (event) => {
            event.preventDefault();
            pick(number);
          },
        }),
      ),
    );
    mark();
  }

  function mark() {
    [...list.children].forEach((item, index) => item.setAttribute("aria-selected", String(index === at)));
    if (found.length) input.setAttribute("aria-activedescendant", `${id}-${at}`);
    else input.removeAttribute("aria-activedescendant");
  }

  function pick(number) {
    input.value = "";
    show([]);
    onPick(task === "classification" || task === "" ? number : classes[number]);
  }

  input.addEventListener("input", () => show(words ? [] : matching(classes, input.value)));
  input.addEventListener("blur", () => show([]));
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && found.length) {
      event.preventDefault();
      at = (at + step + found.length) % found.length;
      mark();
    } else if (event.key === "Enter" && found.length) pick(found[at]);
    else if (event.key === "Enter" && !classes.length && /^\d{1,6}$/.test(input.value.trim())) {
      onPick(task === "classification" || task === "" ? Number(input.value) : input.value.trim());
    } else if (event.key === "Enter" && words && input.value.trim()) onPick(input.value.trim());
    else if (event.key === "Escape") show([]);
  });
  return element("div", { className: "search" }, input, list);
}

/** The numbers of the classes that a text names: by number, by their beginnings, by any part. */
export function matching(classes, text) {
  const wanted = text.trim().toLocaleLowerCase();
  if (!wanted) return [];
  const number = /^\d+$/.test(wanted) ? Number(wanted) : -1;
  const rank = (name, index) => {
    const place = name.toLocaleLowerCase().indexOf(wanted);
    if (index === number) return 0;
    return place < 0 ? -1 : place === 0 ? 1 : 2;
  };
  return classes
    .map((name, index) => [rank(name, index), index])
    .filter(([place]) => place >= 0)
    .sort(([one, first], [other, second]) => one - other || first - second)
    .slice(0, SHOWN)
    .map(([, index]) => index);
}
