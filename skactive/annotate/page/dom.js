// Elements in one line, and how numbers are written. Children that are strings become text, never
// markup: what a row says stays inert.

const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set(["value", "checked", "selected", "disabled", "hidden"]);

function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (PROPERTIES.has(name)) element[name] = value;
    else if (value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  const there = (child) => child !== null && child !== undefined && child !== false;
  element.append(...children.flat(Infinity).filter(there).map((c) => (c instanceof Node ? c : String(c))));
  return element;
}

export const h = (tag, attributes = {}, ...children) =>
  build(document.createElement(tag), attributes, children);

export const svg = (tag, attributes = {}, ...children) =>
  build(document.createElementNS(SVG, tag), attributes, children);

export const $ = (selector) => document.querySelector(selector);

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
const coarse = new Intl.NumberFormat("en", { maximumSignificantDigits: 2 });
const share = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });

export const count = (n) => whole.format(n);
export const number = (x) => fine.format(x);
export const percent = (x) => share.format(x).replace("%", " %");
export const rough = (x) => coarse.format(x);
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

// What the server says, where it stands alone.
export const sentence = (words) => words.slice(0, 1).toUpperCase() + words.slice(1);

// What may be wider than a small screen is scrolled by itself, with the keyboard too.
export const across = (name, table) => h("div", { class: "across", role: "group", "aria-label": name, tabindex: 0 }, table);

// What a label is called: a class, several, a number, or that nobody could tell.
export function labelText(label) {
  if (label === null || label === undefined) return "skipped";
  if (Array.isArray(label)) return label.length ? label.join(", ") : "none of them";
  return String(label);
}

// A key's cap; screen readers hear of it by aria-keyshortcuts of its button.
export const cap = (key) =>
  key ? h("kbd", { "aria-hidden": "true" }, key === "Enter" ? "⏎" : key.length === 1 && key !== key.toLowerCase() ? `⇧${key}` : key) : null;

// Says something to a screen reader; the same sentence twice is said twice.
export function say(sentence) {
  const region = $("#spoken");
  region.textContent = region.textContent === sentence ? `${sentence}\u00a0` : sentence;
}

// Asks for JSON; an error has the status and the server's own sentence.
export async function ask(path, options = {}) {
  const answer = await fetch(path, { ...options, headers: { Accept: "application/json", ...options.headers } });
  if (answer.ok) return answer.json();
  const text = await answer.text();
  let why = "";
  try {
    why = JSON.parse(text).why ?? "";
  } catch {
    why = text.length < 300 ? text : "";
  }
  throw Object.assign(new Error(why || `The server answered ${answer.status}.`), { status: answer.status });
}
