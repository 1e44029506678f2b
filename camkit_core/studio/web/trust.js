// What metrics say of the methods on this photo, beside maps that know nothing of it.

import { element, short } from "./dom.js";
import { progress } from "./server.js";

const ASKED_EVERY = 400; // milliseconds

/** What is measured now and how long it may take, until `stop` is called. */
export function followed(methods) {
  const told = element("p", { className: "soft", "aria-live": "off" });
  const bar = element("progress", { "aria-label": "Share of the measurements made" });
  const many = methods > 1 ? `${methods} methods` : "the method";
  const root = element(
    "div", {},
    element("p", { className: "soft", textContent: `Measuring ${many} and maps that know nothing: the model runs on edited copies of the photo …` }),
    bar, told,
  );
  const timer = setInterval(async () => {
    const now = await progress().catch(() => ({}));
    told.textContent = now.total ? inWords(now) : "Waiting for the model …";
    if (!now.total) return;
    bar.value = now.share;
  }, ASKED_EVERY);
  return { root, stop: () => clearInterval(timer) };
}

/** Where a verdict is, in words. */
export function inWords({ done, total, what, share, seconds }) {
  const left = Math.max(Math.ceil((seconds / share) * (1 - share)), 1);
  return `${what}: ${done} of ${total} measurements made${share ? `, about ${left} s left` : ""}`;
}

/** The verdict, and the numbers it rests on. */
export function verdict(judged) {
  const [lead, others] = [judged.verdict.at(-1), judged.verdict.slice(0, -1)];
  return element(
    "div", { className: "trust" },
    element("p", { className: "lead", textContent: lead }),
    element("ul", {}, ...others.map((text) => element("li", { textContent: text }))),
    element("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Numbers" }, numbers(judged)),
    element("p", { className: "soft", textContent: "Grey rows are baselines, which know nothing of the model. Bold is the best of a column. Insertion and deletion go in 12 steps." }),
  );
}

function numbers(judged) {
  const head = judged.metrics.map((metric) =>
    element("th", { scope: "col", textContent: `${metric.name.replaceAll("_", " ")} ${direction(metric)}` }),
  );
  const rows = judged.makers.map((maker) =>
    element(
      "tr", { className: maker.baseline ? "baseline" : "" },
      element("th", { scope: "row", textContent: maker.name }),
      ...judged.metrics.map((metric) =>
        element("td", { className: best(metric) === maker.name ? "best" : "", textContent: short(metric.values[maker.name]) }),
      ),
    ),
  );
  return element(
    "table", {},
    element("thead", {}, element("tr", {}, element("th", { scope: "col", textContent: "method" }), ...head)),
    element("tbody", {}, ...rows),
  );
}

function direction(metric) {
  if (!metric.ranks) return "";
  return metric.higher_is_better ? "↑" : "↓";
}

function best(metric) {
  if (!metric.ranks) return null;
  const known = Object.entries(metric.values).filter(([, value]) => value !== null);
  known.sort(([, one], [, other]) => (metric.higher_is_better ? other - one : one - other));
  return known[0]?.[0];
}
