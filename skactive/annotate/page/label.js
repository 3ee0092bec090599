// The view in which people spend their day: a row, its classes, and keys for all of it.

import { draw, hint } from "./card.js";
import { $, ask, cap, count, h, labelText, number, percent, plural, say, sentence } from "./dom.js";
import { elsewhere, fill, meant, settle, shortcut, toolbar } from "./keys.js";

const DWELL = 120; // ms: a key that bounces, or a click meant for the row before, labels nothing
const MANY = 12; // classes, beyond which they are found by their names too
const AHEAD = 3; // cards drawn before they are needed

export class LabelView {
  constructor(setup, outbox, { guidelines, help }) {
    Object.assign(this, { setup, outbox });
    this.several = setup.kind === "several";
    this.numeric = setup.kind === "number";
    this.drawn = new Map();
    this.chosen = new Set();
    this.own = settle(
      [
        ...(setup.kind === "one" ? [] : [{ key: "Enter", says: "Send the answer", run: () => this.send(), guarded: true }]),
        { key: "s", name: "Skip", says: "Skip: nobody could tell", run: () => this.commit("skip", null), guarded: true, tool: true },
        { key: "u", name: "Undo", says: "Undo your last answer; again for the one before", run: () => this.undo(), tool: true },
        { key: "m", name: "Guess", says: "Show what the model guesses (recorded with the answer)", run: () => this.guess(), tool: true },
        { key: "c", name: "Comment", says: "Comment; Enter goes back", run: () => this.comment.focus() },
        ...(setup.guidelines ? [{ key: "g", name: "Guidelines", says: "Guidelines", run: guidelines, tool: true }] : []),
        { key: "?", name: "Keys", says: "This list", run: help, tool: true },
        ...(setup.classes.length > MANY ? [{ key: "/", name: "Find", says: "Find a class by its name; Enter takes the first", run: () => this.find.focus() }] : []),
      ],
      setup.classes,
    );
    this.#build();
  }

  // The key of a command, which may be another than it wanted, or none.
  #key(name) {
    return this.own.find((command) => command.name === name).key;
  }

  #build() {
    const key = this.#key("Comment");
    this.comment = h("input", { id: "comment", placeholder: "Comment", "aria-label": "Comment", autocomplete: "off", maxlength: 2000, "aria-keyshortcuts": shortcut(key) });
    this.comment.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      this.#focusCard();
    });
    this.tools = toolbar(h("div", { class: "tools", role: "toolbar", "aria-label": "This row" }));
    this.guessed = h("p", { class: "guess", hidden: true });
    this.stage = h("section", { id: "card", class: "stage", tabindex: -1, "aria-label": "Row to label" });
    const answer = this.numeric ? this.#numberForm() : this.#classButtons();
    const own = toolbar(h("div", { class: "tools", role: "toolbar", "aria-label": "Labelling" }));
    fill(own, this.own.filter((command) => command.tool).map((command) => this.#tool(command)));
    this.element = h(
      "div",
      { class: "label" },
      this.stage,
      h("div", { class: "desk" }, h("div", { class: "row" }, h("div", { class: "comment" }, this.comment, cap(key)), this.tools, own), this.guessed, answer),
    );
  }

  #tool(command) {
    // A sign is pressed again and again: by the keyboard it keeps the focus.
    const click = (event) => {
      if (event.detail > 1 && !command.sign) return;
      command.run();
      if (!(command.sign && event.detail === 0) && !$("#dialog").open) this.#focusCard();
    };
    return h(
      "button",
      { type: "button", class: "tool", "aria-keyshortcuts": shortcut(command.key), "aria-label": command.name, title: command.says, onclick: click },
      h("span", {}, command.sign ?? command.name),
      command.sign ? null : hint(command.key),
    );
  }

  #classButtons() {
    const { classes } = this.setup;
    this.buttons = classes.map((one) => {
      const button = h(
        "button",
        { type: "button", class: "class", "data-class": one.name, "aria-keyshortcuts": shortcut(one.key), "aria-pressed": this.several ? "false" : undefined },
        h("span", { class: "name", dir: "auto" }, one.name),
        h("span", { class: "share" }),
        cap(one.key),
        h("span", { class: "bar" }),
      );
      button.addEventListener("click", (event) => event.detail <= 1 && this.choose(one.name));
      return button;
    });
    const many = classes.length > MANY;
    const grid = h("div", { class: `classes${many ? " many" : ""}`, role: "group", "aria-label": this.several ? "Classes: all that apply" : "Classes" }, this.buttons);
    grid.style.setProperty("--letters", Math.min(24, Math.max(...classes.map((one) => one.name.length))));
    if (this.several) grid.append(h("button", { type: "button", class: "send", "aria-keyshortcuts": "Enter", onclick: (event) => event.detail <= 1 && this.send() }, "Send", cap("Enter")));
    if (!many) return grid;
    // Beyond the keys there are: a few letters of the name, then Enter.
    const key = this.#key("Find");
    const find = (this.find = h("input", { type: "search", class: "find", placeholder: `Find a class  ${key ?? ""}`, "aria-label": "Find a class", "aria-keyshortcuts": shortcut(key) }));
    const shown = () => this.buttons.filter((button) => !button.hidden);
    const filter = () => this.buttons.forEach((button) => (button.hidden = !button.dataset.class.toLowerCase().includes(find.value.trim().toLowerCase())));
    find.addEventListener("input", filter);
    find.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      if (event.key === "Enter" && !event.repeat && shown().length) this.choose(shown()[0].dataset.class);
      find.value = "";
      filter();
      if (event.key === "Escape" || !this.several) this.#focusCard();
    });
    return [find, grid];
  }

  #numberForm() {
    this.input = h("input", { id: "number", "data-number": "", inputmode: "decimal", autocomplete: "off", "aria-label": "Number", placeholder: "A number", "aria-describedby": "number-why" });
    this.why = h("p", { id: "number-why", class: "why", role: "alert" });
    return h("div", { class: "number" }, this.input, h("button", { type: "button", class: "send", "aria-keyshortcuts": "Enter", onclick: (event) => event.detail <= 1 && this.send() }, "Send", cap("Enter")), this.why);
  }

  // Called when the page is in the document: no column may be narrower than the longest word.
  enter() {
    if (!this.buttons) return;
    const pen = document.createElement("canvas").getContext("2d");
    pen.font = getComputedStyle(this.buttons[0]).font;
    const words = this.setup.classes.flatMap((one) => one.name.split(/\s+/));
    const longest = Math.max(...words.map((word) => pen.measureText(word).width));
    this.buttons[0].parentElement.style.setProperty("--word", `${Math.ceil(longest)}px`);
  }

  // Called whenever the outbox has changed: draws the card in front if it is another one.
  update() {
    const card = this.outbox.cards[0];
    if (card !== this.card || !this.stage.hasChildNodes()) this.#show(card);
    else if (!card) this.#empty();
    this.#drawAhead();
  }

  #show(card) {
    this.card = card;
    this.chosen = new Set(Array.isArray(card?.answer?.label) ? card.answer.label : []);
    this.guess_ = null;
    this.guessed.hidden = true;
    this.comment.value = card?.answer?.comment ?? "";
    this.element.classList.toggle("waiting", !card);
    if (!card) return this.#empty();
    const drawn = this.#drawing(card);
    this.drawn.delete(card.row); // it holds what was done to it: zoom, light
    this.commands = settle(drawn.commands, [...this.setup.classes, ...this.own]);
    this.stage.replaceChildren(drawn.element);
    this.stage.scrollTop = 0;
    this.stage.dataset.row = card.row;
    this.stage.setAttribute("aria-label", card.id === null || card.id === undefined ? `Row ${card.row}` : `Row ${card.id}`);
    fill(this.tools, this.commands.filter((command) => command.tool).map((command) => this.#tool(command)));
    this.#marks();
    if (this.input) {
      this.input.value = typeof card.answer?.label === "number" ? String(card.answer.label) : "";
      this.why.textContent = "";
    }
    this.#focusCard();
    const before = card.answer ? `Back: you said ${labelText(card.answer.label)}. ` : this.last ? `${this.last} Next: ` : "";
    say(before + drawn.aloud);
    this.#startClock();
  }

  #startClock() {
    this.shown = performance.now();
    this.away = 0;
  }

  // Time for which nobody looked at the page is no time spent on the row.
  hiddenFor(ms) {
    this.away = (this.away ?? 0) + ms;
  }

  #empty() {
    const { done, progress, trouble } = this.outbox;
    delete this.stage.dataset.row;
    this.card = undefined;
    const labelled = progress ? `${plural(progress.labelled, "row")} labelled, ${count(progress.mine)} by you.` : "";
    const words = done ? ["All done", `Nothing is left for you to label. ${labelled}`] : trouble ? ["No row to show", trouble.text] : progress ? ["One moment", "All rows are with others at present; yours comes by itself."] : ["", "Rows are on their way …"];
    const signature = words.join("\n");
    if (this.stage.dataset.empty === signature && this.stage.querySelector(".empty")) return;
    this.stage.dataset.empty = signature;
    const links = done ? h("p", {}, h("a", { href: "#review" }, "Review"), " · ", h("a", { href: "#status" }, "Status")) : null;
    this.stage.replaceChildren(h("div", { class: "empty" }, h("h2", {}, words[0]), h("p", {}, words[1]), links));
    this.tools.replaceChildren();
    this.commands = [];
    if (words[0]) say(signature);
  }

  #drawing(card) {
    if (!this.drawn.has(card.row)) this.drawn.set(card.row, draw(card));
    return this.drawn.get(card.row);
  }

  #drawAhead() {
    const coming = this.outbox.cards.slice(1, 1 + AHEAD);
    for (const card of coming) this.#drawing(card);
    for (const row of this.drawn.keys()) if (!coming.some((card) => card.row === row)) this.drawn.delete(row);
  }

  #focusCard() {
    if (this.input && matchMedia("(pointer: fine)").matches) this.input.focus();
    else this.stage.focus({ preventScroll: true });
  }

  #marks() {
    const before = this.card?.answer?.label;
    for (const button of this.buttons ?? []) {
      const name = button.dataset.class;
      if (this.several) button.setAttribute("aria-pressed", String(this.chosen.has(name)));
      else button.classList.toggle("before", before === name);
      button.classList.remove("guessed");
      button.querySelector(".share").textContent = "";
      button.querySelector(".bar").style.width = "0";
    }
  }

  choose(name) {
    if (!this.card) return;
    if (!this.several) return this.commit("answer", name);
    if (!this.chosen.delete(name)) this.chosen.add(name);
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(this.chosen.has(button.dataset.class)));
    say(`${name} ${this.chosen.has(name) ? "chosen" : "not chosen"}`);
  }

  send() {
    if (!this.card) return;
    if (this.several) return this.commit("answer", this.setup.classes.map((one) => one.name).filter((name) => this.chosen.has(name)));
    const value = this.input.value.trim().replace(",", ".");
    if (/^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(value) && Number.isFinite(Number(value))) return this.commit("answer", Number(value));
    this.why.textContent = value ? `“${value}” is no number; write one such as 3.5.` : "Write a number, or skip the row.";
  }

  commit(kind, label) {
    const now = performance.now();
    if (!this.card || now - this.shown < DWELL) return;
    if (this.outbox.full) {
      this.onFull();
      return;
    }
    const ms = Math.round(Math.max(0, now - this.shown - this.away));
    const more = { label, comment: this.comment.value.trim() || null, ms, guessed: this.guess_ !== null };
    this.last = kind === "skip" ? "Skipped." : `Labelled ${labelText(label)}.`;
    this.outbox.answer(kind, more);
    this.update();
    this.#flash(label);
  }

  // Which class it was, for the corner of an eye.
  #flash(label) {
    const button = this.buttons?.find((one) => one.dataset.class === label);
    if (!button) return;
    button.classList.remove("just");
    void button.offsetWidth; // begins the animation anew
    button.classList.add("just");
  }

  undo() {
    this.outbox.undo();
    this.update();
  }

  async guess() {
    const card = this.card;
    if (!card || this.guess_) return;
    let words;
    try {
      const answer = await ask(`/api/guess/${card.row}`);
      if (card !== this.card) return;
      if (!answer.why) this.guess_ = answer;
      words = answer.why ? sentence(answer.why) : this.#showGuess(answer);
    } catch (error) {
      if (card !== this.card) return;
      words = error.status ? error.message : "Not connected: the model cannot be asked.";
    }
    this.guessed.hidden = false;
    this.guessed.textContent = words;
    say(words);
  }

  #showGuess({ label, probabilities }) {
    const likely = new Map((probabilities ?? []).map(({ name, p }) => [name, p]));
    const named = new Set(Array.isArray(label) ? label : [label]);
    for (const button of this.buttons ?? []) {
      const p = likely.get(button.dataset.class);
      button.classList.toggle("guessed", named.has(button.dataset.class));
      if (p === undefined) continue;
      button.querySelector(".share").textContent = percent(p);
      button.querySelector(".bar").style.width = `${100 * p}%`;
    }
    const sure = !Array.isArray(label) && likely.has(label) ? `, ${percent(likely.get(label))}` : "";
    return `The model guesses: ${typeof label === "number" ? number(label) : labelText(label)}${sure}`;
  }

  // Every key that does something here, for the list of keys and for the keyboard.
  get keys() {
    const classes = (this.setup.classes ?? []).filter((one) => one.key).map((one) => ({ key: one.key, says: one.name, run: () => this.choose(one.name), guarded: true }));
    return [...classes, ...this.own, ...(this.commands ?? [])].filter((command) => command.key);
  }

  keydown(event) {
    if (event.repeat && event.target.matches("button")) event.preventDefault(); // a held Enter clicks
    if (elsewhere(event)) return;
    const known = new Map();
    for (const command of this.keys.toReversed()) {
      known.set(command.key, command);
      if (command.also && !known.has(command.also)) known.set(command.also, command);
    }
    const command = known.get(meant(event, known));
    if (!command) return;
    event.preventDefault();
    if (!event.repeat || command.repeats) command.run();
  }
}
