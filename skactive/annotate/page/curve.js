// A curve with its band: drawn in the width there is, and told in words and as a table.

import { across, count, h, number, svg } from "./dom.js";

const HEIGHT = 240;
const EDGE = { left: 56, right: 12, top: 12, bottom: 28 };

// Round numbers that span a range, four or so.
export function ticks(low, high) {
  const raw = (high - low || Math.abs(high) || 1) / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((times) => times * power).find((size) => size >= raw);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => (first + i) * step);
}

export function curve(points, name, value, isShare) {
  const last = points.at(-1);
  const story = `From ${value(points[0].estimate)} with ${count(points[0].n_labelled)} labels to ${value(last.estimate)} (95 %: ${value(last.low)} to ${value(last.high)}) with ${count(last.n_labelled)}.`;
  const frame = h("div", { class: "curve" });
  const redraw = () => frame.clientWidth && frame.replaceChildren(draw(points, name, isShare, story, frame.clientWidth));
  new ResizeObserver(redraw).observe(frame);
  const cells = (point) => [point.estimate, point.low, point.high].map((x) => h("td", { class: "figure" }, value(x)));
  const head = ["Labels", name, "from", "to"].map((title) => h("th", { scope: "col", class: "figure" }, title));
  const rows = points.map((point) => h("tr", {}, h("th", { scope: "row", class: "figure" }, count(point.n_labelled)), cells(point)));
  const table = h("table", { class: "people" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows));
  return h("figure", {}, frame, h("figcaption", { class: "quiet" }, `${story} Across: labels trained on. Every point is measured on the same rows; the band is the 95 % interval.`), h("details", {}, h("summary", {}, "As a table"), across(`${name} as a table`, table)));
}

function draw(points, name, isShare, story, width) {
  const shown = points.flatMap((point) => [point.low, point.high, point.estimate]).filter(Number.isFinite);
  const [low, high] = [Math.min(...shown), Math.max(...shown)];
  const [first, last] = [points[0].n_labelled, points.at(-1).n_labelled];
  const span = high - low || 1;
  const x = (n) => EDGE.left + ((n - first) / (last - first || 1)) * (width - EDGE.left - EDGE.right);
  const y = (v) => EDGE.top + ((high - v) / span) * (HEIGHT - EDGE.top - EDGE.bottom);
  const path = (list) => list.map(([a, b], i) => `${i ? "L" : "M"}${a.toFixed(1)} ${b.toFixed(1)}`).join("");
  const band = points.filter((point) => Number.isFinite(point.low) && Number.isFinite(point.high));
  const outline = [...band.map((p) => [x(p.n_labelled), y(p.high)]), ...band.map((p) => [x(p.n_labelled), y(p.low)]).reverse()];
  const line = points.filter((point) => Number.isFinite(point.estimate)).map((p) => [x(p.n_labelled), y(p.estimate)]);
  const across = ticks(low, high).map((v) => [
    svg("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y(v), y2: y(v) }),
    svg("text", { x: EDGE.left - 8, y: y(v) + 4, "text-anchor": "end" }, isShare ? `${number(v * 100)} %` : number(v)),
  ]);
  const below = ticks(first, last).filter(Number.isInteger).map((n) => svg("text", { x: x(n), y: HEIGHT - 6, "text-anchor": "middle" }, count(n)));
  return svg(
    "svg",
    { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": `${name} against labels. ${story}` },
    across,
    below,
    svg("path", { class: "band", d: `${path(outline)}Z` }),
    svg("path", { class: "line", d: path(line) }),
    line.length ? svg("circle", { class: "dot", cx: line.at(-1)[0], cy: line.at(-1)[1], r: 4 }) : null,
  );
}
