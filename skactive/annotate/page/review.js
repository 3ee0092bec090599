// What has been labelled, by whom; one's own answers and comments can be changed here.

import { brief } from "./card.js";
import { ask, h, labelText, plural } from "./dom.js";

const ONLY = {
  "": "all rows",
  disagreements: "where people disagree",
  model: "where the model disagrees",
  skipped: "skipped",
  comments: "with a comment",
};
const EXPORTS = { CSV: "/export.csv", JSONL: "/export.jsonl", "Label Studio": "/export/label-studio.json", Prodigy: "/export/prodigy.jsonl", doccano: "/export/doccano.jsonl" };

const when = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const moment = (time) => new Date(typeof time === "number" ? time * 1000 : time);

export class ReviewView {
  constructor(setup, outbox) {
    Object.assign(this, { setup, outbox });
    this.filters = {
      class: this.#select("Class", ["", ...setup.classes.map((one) => one.name)], "every class"),
      annotator: this.#select("By", ["", ...setup.annotators], "everybody"),
      only: this.#select("Show", Object.entries(ONLY).map(([value, name]) => [value, name])),
    };
    this.list = h("ol", { class: "rows" });
    this.state = h("p", { class: "quiet", role: "status" });
    this.more = h("button", { type: "button", class: "tool", hidden: true, onclick: () => this.load(this.before) }, "Show more");
    const exports = Object.entries(EXPORTS).map(([name, path]) => h("a", { href: path, download: true }, name));
    this.element = h(
      "section",
      { class: "review sheet", "aria-label": "Review" },
      h("form", { class: "filters", onsubmit: (event) => event.preventDefault() }, Object.entries(this.filters).map(([name, filter]) => (name === "class" && !setup.classes.length ? null : filter.label)), h("p", { class: "exports" }, h("span", {}, "Export"), exports)),
      this.state,
      this.list,
      this.more,
    );
  }

  #select(title, options, everything) {
    const select = h("select", { onchange: () => this.load() }, options.map((option) => (Array.isArray(option) ? h("option", { value: option[0] }, option[1]) : h("option", { value: option }, option || everything))));
    return { select, label: h("label", {}, h("span", {}, title), select) };
  }

  update() {}

  enter() {
    const only = sessionStorage.getItem("only"); // the status leads here with a filter
    if (only !== null) {
      this.filters.only.select.value = only;
      sessionStorage.removeItem("only");
    }
    this.load();
  }

  async load(before) {
    const wanted = Object.entries(this.filters).map(([name, { select }]) => [name, select.value]);
    const query = new URLSearchParams(wanted.filter(([, value]) => value));
    if (before !== undefined) query.set("before", before);
    const turn = (this.turn = (this.turn ?? 0) + 1); // a slow answer to an old filter comes too late
    let answer;
    try {
      answer = await ask(`/api/rows?${query}`);
    } catch (error) {
      this.state.textContent = error.status ? error.message : "Not connected: the rows cannot be shown.";
      return;
    }
    if (turn !== this.turn) return;
    const rows = answer.rows.map((row) => this.#row(row));
    if (before === undefined) this.list.replaceChildren(...rows);
    else this.list.append(...rows);
    this.before = answer.before;
    this.more.hidden = answer.before === null;
    const n = this.list.children.length;
    this.state.textContent = n ? `${plural(n, "row")}${this.more.hidden ? "" : ", the latest first; there are more"}` : "No such row.";
    if (before !== undefined) rows[0]?.querySelector("select, input, button")?.focus();
  }

  #row(row) {
    const name = row.id === null || row.id === undefined ? `#${row.row}` : String(row.id);
    const mine = row.answers.find((answer) => answer.annotator === this.setup.annotator);
    const differ = new Set(row.answers.filter((answer) => answer.label !== null).map((answer) => labelText(answer.label))).size > 1;
    const marks = [
      differ ? h("span", { class: "mark differ" }, "people disagree") : null,
      row.model !== null && row.model !== undefined && row.label !== null && labelText(row.model) !== labelText(row.label) ? h("span", { class: "mark model" }, `the model says ${labelText(row.model)}`) : null,
    ];
    const answers = row.answers.map((answer) =>
      h("li", { title: answer.time ? when.format(moment(answer.time)) : null }, h("span", { class: "by" }, answer.annotator ?? "unnamed"), " ", h("strong", {}, labelText(answer.label)), answer.comment ? h("q", {}, answer.comment) : null),
    );
    return h("li", { "data-row": row.row }, h("div", { class: "what" }, h("p", { class: "id" }, name), brief(row.card), h("ul", { class: "answers" }, answers), h("p", { class: "marks" }, marks)), this.#mine(row, mine, name));
  }

  // One's own answer, ready to be changed.
  #mine(row, mine, name) {
    if (!mine) return h("p", { class: "mine quiet" }, "not by you");
    const comment = h("input", { class: "note", value: mine.comment ?? "", placeholder: "Comment", "aria-label": `Your comment on row ${name}`, maxlength: 2000 });
    const kept = h("span", { class: "kept quiet", role: "status" });
    const { control, read } = this.#control(mine, name);
    const change = () => {
      const label = read();
      if (label === undefined) return;
      if (this.outbox.full) {
        kept.textContent = "Too many answers wait; change this later.";
        return;
      }
      this.outbox.review(row.row, label, comment.value.trim() || null);
      kept.textContent = "Changed";
    };
    control.addEventListener("change", change);
    comment.addEventListener("change", change);
    return h("div", { class: "mine" }, control, comment, kept);
  }

  #control(mine, name) {
    const title = `Your answer to row ${name}`;
    const classes = this.setup.classes.map((one) => one.name);
    if (this.setup.kind === "number") {
      const input = h("input", { inputmode: "decimal", value: mine.label ?? "", "aria-label": title, placeholder: "A number" });
      const read = () => (input.value.trim() && Number.isFinite(Number(input.value.replace(",", "."))) ? Number(input.value.replace(",", ".")) : undefined);
      return { control: input, read };
    }
    if (this.setup.kind === "several") {
      const boxes = classes.map((one) => h("input", { type: "checkbox", value: one, checked: Boolean(mine.label?.includes(one)) }));
      const control = h("fieldset", {}, h("legend", { class: "unseen" }, title), boxes.map((box) => h("label", {}, box, box.value)));
      return { control, read: () => boxes.filter((box) => box.checked).map((box) => box.value) };
    }
    const control = h("select", { "aria-label": title }, classes.map((one, i) => h("option", { value: String(i), selected: mine.label === one }, one)), h("option", { value: "", selected: mine.label === null }, "skipped"));
    return { control, read: () => (control.value === "" ? null : classes[Number(control.value)]) };
  }
}
