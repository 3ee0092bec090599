// A row as a person sees it: text, a table of its fields, a picture, a recording.

import { cap, count, h, number, say } from "./dom.js";
import { Picture } from "./picture.js";

// Draws a card; what comes back also says which keys the card has, and what is said of it aloud.
export function draw(card) {
  const parts = [];
  const drawn = { element: null, commands: [], aloud: aloud(card), focus: null };
  if (card.kind === "image") {
    const picture = new Picture(card);
    drawn.commands.push(...picture.commands);
    drawn.ready = picture.ready;
    parts.push(picture.element);
  }
  if (card.kind === "audio") parts.push(recording(card, drawn));
  if (card.text !== undefined && card.text !== null) parts.push(text(card));
  if (card.fields) parts.push(table(card.fields));
  drawn.element = h("div", { class: `card ${card.kind}` }, parts);
  return drawn;
}

function text(card) {
  const size = card.text.length + (card.more ?? 0) > 280 ? "long" : "short";
  const words = h("div", { class: `words ${size}`, dir: "auto" }, card.text);
  if (!card.more) return words;
  const more = h("button", { type: "button", class: "more" }, `Show all (${count(card.more)} more characters)`);
  more.addEventListener("click", async () => {
    more.disabled = true;
    const answer = await fetch(`/item/${card.row}`).catch(() => null);
    more.disabled = false;
    if (!answer?.ok) {
      more.textContent = "The rest did not come; try again";
      return;
    }
    words.textContent = await answer.text();
    words.tabIndex = -1;
    words.focus();
    more.remove();
  });
  return [words, more];
}

const isNumber = (value) => typeof value === "number" || /^-?\d+(\.\d+)?([eE][-+]?\d+)?$/.test(value);

const shown = (value) => (typeof value === "number" ? number(value) : String(value));

export function table(fields) {
  const cell = (value) => {
    if (value === null || value === undefined || value === "") return h("td", { class: "missing" }, "missing");
    return h("td", { class: isNumber(value) ? "figure" : "", dir: "auto" }, shown(value));
  };
  const rows = fields.map(([name, value]) => h("tr", {}, h("th", { scope: "row" }, name), cell(value)));
  return h("table", { class: "fields" }, h("tbody", {}, rows));
}

function recording(card, drawn) {
  const player = h("audio", { controls: true, preload: "auto", src: card.url, "aria-label": card.alt ?? "Recording" });
  const rate = h("output", { class: "quiet" }, "speed 1 ×");
  const step = (seconds) => (player.currentTime = Math.max(0, player.currentTime + seconds));
  const speed = (factor) => {
    player.playbackRate = Math.min(4, Math.max(0.25, player.playbackRate * factor));
    rate.textContent = `speed ${number(player.playbackRate)} ×`;
    say(rate.textContent);
  };
  const toggle = () => (player.paused ? player.play().catch(() => null) : player.pause());
  drawn.commands.push(
    { key: "p", name: "Play", says: "Play or pause", run: toggle, tool: true },
    { key: "r", name: "Again", says: "From the start", run: () => { player.currentTime = 0; player.play().catch(() => null); }, tool: true },
    { key: "ArrowLeft", says: "Two seconds back", run: () => step(-2), repeats: true },
    { key: "ArrowRight", says: "Two seconds on", run: () => step(2), repeats: true },
    { key: ",", says: "Slower", run: () => speed(1 / 1.25) },
    { key: ".", says: "Faster", run: () => speed(1.25) },
  );
  return h("div", { class: "recording" }, card.alt ? h("p", {}, card.alt) : null, player, rate);
}

// What a screen reader says of a card when it comes.
function aloud(card) {
  if (card.text) return card.text.slice(0, 400);
  if (card.fields) return card.fields.slice(0, 12).map(([name, value]) => `${name}: ${value ?? "missing"}`).join("; ");
  return card.alt || (card.kind === "audio" ? "A recording." : "A picture without a description.");
}

// A card in a list: the beginning of its text, a small picture, its first fields.
export function brief(card) {
  if (card.kind === "image") return h("img", { src: card.url, alt: card.alt ?? `Row ${card.row}`, loading: "lazy", decoding: "async" });
  if (card.kind === "audio") return h("audio", { controls: true, preload: "none", src: card.url, "aria-label": card.alt ?? `Recording of row ${card.row}` });
  if (card.text) return h("p", { class: "extract", dir: "auto" }, card.text.slice(0, 400));
  const fields = (card.fields ?? []).slice(0, 6).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, shown(value ?? "missing"))));
  return h("dl", {}, fields);
}

export const keyName = (key) =>
  ({ ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", " ": "Space" })[key] ?? key;

export const hint = (key) => (key ? cap(keyName(key)) : null);
