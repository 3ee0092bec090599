// The page: its header, its views, its banner and its dialogs.

import { hint } from "./card.js";
import { $, ask, count, h, plural, say, sentence } from "./dom.js";
import { LabelView } from "./label.js";
import { Outbox } from "./outbox.js";
import { ReviewView } from "./review.js";
import { StatusView } from "./status.js";

const VIEWS = { "#label": "Label", "#review": "Review", "#status": "Status" };
let setup, outbox, views, view;
let passing = null; // a sentence for a few seconds
const said = []; // refusals, which stay until they are closed

function showView() {
  const name = VIEWS[location.hash] ? location.hash : "#label";
  view?.leave?.();
  view = views[name];
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${VIEWS[name]} · ${setup.title}`;
  document.body.dataset.view = name.slice(1);
  $("#view").replaceChildren(view.element);
  view.update();
  view.enter?.();
}

function changed() {
  showProgress();
  showBanner();
  view?.update();
}

function showProgress() {
  const progress = outbox.progress;
  if (!progress) return;
  const { mine, labelled, goal, left, per_hour: pace } = progress;
  const rest = [`you ${count(mine)}`, ...(pace ? [`${count(pace)} an hour`] : [])];
  $("#progress").replaceChildren(
    h("strong", {}, count(labelled)),
    goal ? ` of ${count(goal)}` : " labelled",
    h("span", { class: "wide" }, ` · ${rest.join(" · ")}${goal ? "" : ` · ${count(left)} left`}`),
  );
  const bar = $("#bar");
  bar.hidden = !goal;
  if (!goal) return;
  bar.firstElementChild.style.transform = `scaleX(${Math.min(1, labelled / goal)})`;
  for (const [name, value] of Object.entries({ valuemin: 0, valuemax: goal, valuenow: Math.min(labelled, goal), valuetext: `${count(labelled)} of ${count(goal)}` }))
    bar.setAttribute(`aria-${name}`, value);
}

function showBanner() {
  const lines = [];
  const waiting = outbox.ops.length;
  if (outbox.trouble) {
    const kept = waiting ? ` ${plural(waiting, "answer")} ${waiting === 1 ? "waits" : "wait"} in this tab and will be sent.` : "";
    const stop = outbox.full ? " Label on when the connection is back." : "";
    lines.push({ kind: "warning", text: outbox.trouble.text + kept + stop });
  } else if (outbox.full) lines.push({ kind: "warning", text: `${waiting} answers wait for the server; one moment.` });
  lines.push(...said, ...outbox.notes);
  if (passing) lines.push({ kind: "info", text: passing });
  const key = JSON.stringify(lines);
  const banner = $("#banner");
  if (banner.dataset.key === key) return; // said once
  banner.dataset.key = key;
  banner.replaceChildren(...lines.map((line) => h("p", { class: line.kind }, h("span", {}, line.text), line.close ? h("button", { type: "button", class: "quiet", onclick: line.close }, "Close") : null)));
}

function refused(op, why) {
  if (op.kind === "undo") return forAMoment(sentence(why));
  const line = { kind: "error", text: `Not recorded for row ${op.row ?? "before"}: ${why}` };
  line.close = () => {
    said.splice(said.indexOf(line), 1);
    showBanner();
  };
  said.push(line);
  if (said.length > 3) said.shift();
}

function forAMoment(sentence) {
  passing = sentence;
  showBanner();
  clearTimeout(forAMoment.timer);
  forAMoment.timer = setTimeout(() => {
    passing = null;
    showBanner();
  }, 4_000);
}

function openDialog(title, ...content) {
  const dialog = $("#dialog");
  if (dialog.open) return dialog.close();
  const close = h("button", { type: "button", class: "send", autofocus: true, onclick: () => dialog.close() }, "Close");
  dialog.replaceChildren(h("h2", { id: "dialog-title" }, title), h("div", { class: "content", tabindex: 0 }, content), h("form", { method: "dialog" }, close));
  dialog.showModal();
}

const guidelines = () => openDialog("Guidelines", h("div", { class: "words long", dir: "auto" }, setup.guidelines));

// Keys that say the same (four arrows) stand in one line.
function help() {
  const lines = [];
  for (const { key, says } of views["#label"].keys) {
    if (says) lines.push({ keys: [key], says });
    else lines.at(-1).keys.push(key);
  }
  const list = h("dl", { class: "keys" }, lines.map(({ keys, says }) => h("div", {}, h("dt", {}, keys.map(hint), h("span", { class: "unseen" }, keys.join(" "))), h("dd", {}, says))));
  const themes = { system: "As the system", light: "Light", dark: "Dark" };
  const theme = h("select", { id: "theme", onchange: (event) => setTheme(event.target.value) }, Object.entries(themes).map(([value, name]) => h("option", { value, selected: value === (localStorage.getItem("theme") ?? "system") }, name)));
  openDialog("Keys", list, h("p", { class: "theme" }, h("label", { for: "theme" }, "Appearance"), theme), setup.version ? h("p", { class: "quiet" }, `skactive ${setup.version}`) : null);
}

function setTheme(theme) {
  localStorage.setItem("theme", theme);
  document.documentElement.dataset.theme = theme;
}

function listen() {
  addEventListener("hashchange", showView);
  addEventListener("keydown", (event) => view.keydown?.(event));
  $(".jump").addEventListener("click", (event) => {
    event.preventDefault();
    ($("#card") ?? $("#view")).focus();
  });
  $("#dialog").addEventListener("click", (event) => event.target === event.currentTarget && event.currentTarget.close());
  let since = null;
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") since = performance.now();
    else if (since !== null) views["#label"].hiddenFor(performance.now() - since);
  });
}

async function start() {
  setTheme(localStorage.getItem("theme") ?? "system");
  try {
    setup = await ask("/api/setup");
  } catch (error) {
    $("#view").replaceChildren(h("div", { class: "empty" }, h("h2", {}, "The page cannot begin"), h("p", {}, error.status ? error.message : "The server does not answer. Is it running?"), h("button", { type: "button", class: "send", onclick: () => location.reload() }, "Try again")));
    return;
  }
  $("#title").textContent = setup.title;
  $("#who").textContent = setup.annotator ?? "";
  outbox = new Outbox({ changed, refused });
  const label = new LabelView(setup, outbox, { guidelines, help });
  label.onFull = () => say("Answers wait to be sent. Label on when the connection is back.");
  views = { "#label": label, "#review": new ReviewView(setup, outbox), "#status": new StatusView(setup) };
  listen();
  showView();
  outbox.exchange();
}

start();
