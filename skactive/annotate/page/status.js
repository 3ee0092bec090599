// How far the labelling is, how good the model, and how much people agree.

import { curve } from "./curve.js";
import { across, ask, count, h, number, percent, plural, rough } from "./dom.js";

const OFTEN = 5_000; // ms

export class StatusView {
  constructor(setup) {
    this.setup = setup;
    this.element = h("section", { class: "status sheet", "aria-label": "Status" }, h("p", { class: "quiet" }, "One moment …"));
    const value = setup.kind === "number" ? number : percent;
    this.value = (x) => (Number.isFinite(x) ? value(x) : "?");
  }

  update() {}

  enter() {
    this.load();
    this.timer = setInterval(() => document.visibilityState === "visible" && this.load(), OFTEN);
  }

  leave() {
    clearInterval(this.timer);
  }

  async load() {
    let status;
    try {
      status = await ask("/api/status");
    } catch (error) {
      this.seen = null;
      this.element.replaceChildren(h("p", { class: "quiet" }, error.status ? error.message : "Not connected: the status cannot be shown."));
      return;
    }
    const seen = JSON.stringify(status);
    if (seen === this.seen) return; // what is being read stays where it is
    this.seen = seen;
    this.element.replaceChildren(this.#tiles(status), ...this.#curve(status), ...this.#classes(status), ...this.#people(status));
  }

  #tiles(status) {
    const { labelled, goal, skipped, unlabelled, disagreements, estimate, agreement, model } = status;
    const open = disagreements ? h("a", { href: "#review", onclick: () => sessionStorage.setItem("only", "disagreements") }, plural(disagreements, "open disagreement")) : "no open disagreement";
    return h(
      "div",
      { class: "tiles" },
      tile(count(labelled), goal ? `of ${count(goal)} rows labelled` : "rows labelled", [`${count(unlabelled)} unlabelled, ${count(skipped)} skipped; `, open]),
      estimate
        ? tile(this.value(estimate.estimate), `${estimate.metric} on rows held out`, `95 %: ${this.value(estimate.low)} to ${this.value(estimate.high)}, by ${plural(estimate.n_test, "random row")} that no model learned from`)
        : tile("–", "no estimate yet", "it needs labels of rows that are held out"),
      agreement
        ? tile(percent(agreement.value), "agreement of people", `on ${plural(agreement.n, "row")} that several of them labelled`)
        : tile("–", "no agreement yet", "no row has the answers of two people"),
      tile(model.trained_on === null || model.trained_on === undefined ? "–" : count(model.trained_on), model.trained_on ? "labels trained on" : "no model yet", modelWords(model)),
    );
  }

  #curve({ curve: points, estimate, sure }) {
    const words = sure ? [h("p", { class: "sure" }, sure)] : [];
    if (points.length < 2) return words;
    const name = estimate?.metric ?? "estimate";
    return [h("h2", {}, `${name[0].toUpperCase()}${name.slice(1)} as labels come in`), curve(points, name, this.value, this.setup.kind !== "number"), ...words];
  }

  #classes({ classes }) {
    if (!classes.length) return [];
    const most = Math.max(1, ...classes.map((one) => one.n));
    const rows = classes.map(({ name, n }) => {
      const bar = h("div", { class: "length" });
      bar.style.width = `${(100 * n) / most}%`;
      bar.hidden = !n;
      return h("tr", {}, h("th", { scope: "row", dir: "auto" }, h("span", { class: "name" }, name)), h("td", { class: "figure" }, count(n)), h("td", { class: "bars", "aria-hidden": "true" }, bar));
    });
    return [h("h2", {}, "Classes"), h("table", { class: "counts" }, h("thead", { class: "unseen" }, h("tr", {}, h("th", { scope: "col" }, "Class"), h("th", { scope: "col" }, "Rows"), h("td", {}))), h("tbody", {}, rows))];
  }

  #people({ people }) {
    if (!people.length) return [];
    const cell = (value) => h("td", { class: "figure" }, value);
    const head = ["Person", "Answers", "Skipped", "An hour", "Agreement"].map((name, i) => h("th", { scope: "col", class: i ? "figure" : "" }, name));
    const rows = people.map((one) =>
      h("tr", {}, h("th", { scope: "row" }, one.annotator ?? "unnamed"), cell(count(one.answers)), cell(count(one.skips)), cell(one.per_hour ? count(one.per_hour) : "–"), cell(one.agreement === null || one.agreement === undefined ? "–" : percent(one.agreement))),
    );
    return [h("h2", {}, "People"), across("People", h("table", { class: "people" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows)))];
  }
}

const tile = (figure, what, small) => h("div", { class: "tile" }, h("p", { class: "large" }, figure), h("p", {}, what), h("p", { class: "quiet" }, small));

function modelWords({ seconds, failed, training }) {
  if (failed) return failed;
  const last = seconds === null || seconds === undefined ? "" : `trained in ${rough(seconds)} s`;
  return training ? [last, last ? "; " : "", "the next one is being trained"] : last;
}
