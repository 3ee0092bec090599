// What was answered and is not yet acknowledged, and the cards that wait to be labelled.
//
// One request is under way at a time, so that answers arrive in the order in which they were given.
// They stay in sessionStorage until the server has acknowledged them, and each has an id of its own:
// one that is sent twice is recorded once.

import { ask } from "./dom.js";

const MOST_WAITING = 20;
const MOST_CARDS = 40;
const PATIENCE = 15_000; // ms until a request that nobody answers is sent again
const HEARTBEAT = 60_000; // ms: cards that lie here stay reserved, and notes arrive

const fresh = () =>
  Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(36)).join("");

const stored = (name, otherwise) => JSON.parse(sessionStorage.getItem(name)) ?? otherwise;
const store = (name, value) => sessionStorage.setItem(name, JSON.stringify(value));

export class Outbox {
  constructor({ changed, refused }) {
    Object.assign(this, { changed, refused });
    this.instance = fresh();
    this.tab = stored("tab", null) ?? fresh();
    this.ops = stored("ops", []); // [{tried, body}], oldest first
    this.cards = [];
    this.past = []; // [{op, card}], what this page has answered
    this.progress = null;
    this.notes = [];
    this.done = false;
    this.trouble = null; // {text, retry}: why nothing can be sent
    this.delay = 100; // ms: how long a request takes, of late
    this.pace = 600; // ms: how long a row takes, of late
    this.failures = 0;
    this.alone = false; // after a refused batch, one op at a time tells which it was
    store("tab", this.tab);
    this.#listen();
  }

  get full() {
    return this.ops.length >= MOST_WAITING;
  }

  // A duplicated tab has copied sessionStorage, the id of the tab included: the elder keeps it.
  #listen() {
    this.channel = new BroadcastChannel("skactive");
    this.channel.onmessage = ({ data }) => {
      if (data.tab !== this.tab || data.instance === this.instance) return;
      if (data.kind === "hello") this.channel.postMessage({ kind: "taken", tab: this.tab, instance: this.instance, to: data.instance });
      else if (data.kind === "taken" && data.to === this.instance) this.#becomeAnother();
    };
    this.channel.postMessage({ kind: "hello", tab: this.tab, instance: this.instance });
    addEventListener("online", () => this.exchange());
    // Another page of the same tab may have answered meanwhile.
    addEventListener("pageshow", (event) => event.persisted && location.reload());
    addEventListener("pagehide", () => this.#lastWords());
    addEventListener("beforeunload", (event) => this.trouble && this.ops.length && event.preventDefault());
    setInterval(() => document.visibilityState === "visible" && this.exchange(), HEARTBEAT);
  }

  #becomeAnother() {
    this.tab = fresh();
    this.ops = []; // the elder has them too, and sends them
    this.cards = [];
    this.past = [];
    this.epoch = (this.epoch ?? 0) + 1; // an answer under way is for the elder's cards
    store("tab", this.tab);
    this.#save();
    this.changed();
    this.exchange();
  }

  #save() {
    store("ops", this.ops);
  }

  // What is not sent yet, and that its cards need not lie here any longer.
  #lastWords() {
    const request = this.#request(this.ops.map((op) => op.body), [], 0, { leaving: true });
    fetch("/api/answer", { ...request, keepalive: true }).catch(() => null);
  }

  // As many cards as are labelled while two requests are under way, and a few.
  get wanted() {
    const enough = 3 + 2 * Math.ceil(this.delay / Math.max(this.pace, 120));
    return Math.max(0, Math.min(enough, MOST_CARDS) - this.cards.length);
  }

  push(kind, row, more = {}) {
    const body = { op: fresh(), kind, row, label: null, comment: null, ms: null, guessed: false, ...more };
    this.ops.push({ tried: false, body });
    this.#save();
    return body.op;
  }

  // The card in front is answered or skipped; the next one is in front at once.
  answer(kind, more) {
    const card = this.cards.shift();
    this.past.push({ op: this.push(kind, card.row, more), card: { ...card, answer: { label: more.label, comment: more.comment } } });
    this.pace += 0.2 * (Math.min(more.ms, 10_000) - this.pace);
    this.exchange();
  }

  // The last answer is taken back, and its card is in front again: at once if this page knows it.
  undo() {
    const last = this.past.pop();
    const waiting = last ? this.ops.findIndex((op) => op.body.op === last.op && !op.tried) : -1;
    if (last) this.cards.unshift(last.card);
    if (waiting >= 0) {
      this.ops.splice(waiting, 1); // it never left
      this.#save();
    } else {
      const op = this.push("undo", last ? last.card.row : null);
      if (!last) this.expected = op;
      this.exchange();
    }
    this.changed();
  }

  review(row, label, comment) {
    this.push("review", row, { label, comment });
    this.exchange();
  }

  #request(ops, have, want, more = {}) {
    return {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ tab: this.tab, ops, have, want, ...more }),
    };
  }

  async exchange() {
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = true;
    this.again = false;
    clearTimeout(this.timer);
    const sent = this.ops.slice(0, this.alone ? 1 : MOST_WAITING);
    for (const op of sent) op.tried = true;
    this.#save();
    const epoch = this.epoch;
    const started = performance.now();
    const have = this.cards.map((card) => card.row);
    let wait = null;
    try {
      const request = this.#request(sent.map((op) => op.body), have, this.wanted);
      const answer = await ask("/api/answer", { ...request, signal: AbortSignal.timeout(PATIENCE) });
      this.delay += 0.3 * (performance.now() - started - this.delay);
      this.failures = 0;
      this.trouble = null;
      if (epoch === this.epoch) this.#take(answer);
      wait = this.#next(answer);
    } catch (error) {
      wait = this.#failed(error, sent);
    }
    this.busy = false;
    this.changed();
    if (this.again && !this.trouble) wait = 0;
    if (wait === 0) this.exchange();
    else if (wait !== null) this.timer = setTimeout(() => this.exchange(), wait);
  }

  #take(answer) {
    const why = new Map(answer.refused.map((refusal) => [refusal.op, refusal.why]));
    const settled = new Set([...answer.acknowledged, ...why.keys()]);
    for (const { body } of this.ops) if (why.has(body.op)) this.refused(body, why.get(body.op));
    this.past = this.past.filter((past) => !why.has(past.op));
    this.ops = this.ops.filter((op) => !settled.has(op.body.op));
    if (!this.ops.length) this.alone = false;
    this.#save();
    this.#takeBack(answer, settled);
    const known = new Set([...this.cards, ...this.ops.map((op) => op.body)].map((item) => item.row));
    this.cards.push(...answer.cards.filter((card) => !known.has(card.row)));
    this.progress = answer.progress;
    this.notes = answer.notes;
    this.done = answer.done;
  }

  // Only where this page did not know the card: else it is in front since the key was pressed.
  #takeBack(answer, settled) {
    if (!this.expected || !settled.has(this.expected)) return;
    if (answer.back) this.cards = [answer.back, ...this.cards.filter((card) => card.row !== answer.back.row)];
    this.expected = null;
  }

  // How many ms until the next request; null where nothing asks for one.
  #next(answer) {
    if (this.ops.length) return 0;
    if (this.cards.length || answer.done) return this.wanted > 0 && answer.cards.length ? 0 : null;
    return 2_000; // others have the rest at present
  }

  #failed(error, sent) {
    const status = error.status ?? 0;
    if (status === 401 || status === 403) {
      this.trouble = { text: `${error.message} Open the link that the server printed, in this tab; what you answered is kept.`, offline: false };
      return 10_000;
    }
    if (status >= 400 && status < 500 && sent.length) {
      if (sent.length > 1) {
        this.alone = true;
        return 0;
      }
      this.refused(sent[0].body, error.message);
      this.ops = this.ops.filter((op) => op !== sent[0]);
      this.#save();
      return 0;
    }
    this.failures += 1;
    this.trouble = { text: status ? error.message : "Not connected.", offline: true };
    return Math.min(5_000, 250 * 2 ** Math.min(this.failures, 6));
  }
}
