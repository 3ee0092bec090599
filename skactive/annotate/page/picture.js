// A picture that is zoomed, moved, and made brighter or richer in contrast.

import { h, say } from "./dom.js";

const MOST = 16; // times
const SMALL = 96; // pixels a side, below which pixels are shown as squares

export class Picture {
  constructor(card) {
    this.card = card;
    this.scale = 1;
    this.x = this.y = 0;
    this.light = this.contrast = 1;
    this.pointers = new Map();
    this.image = h("img", { src: card.url, alt: card.alt ?? "The picture to label", draggable: "false" });
    this.sign = h("output", { class: "sign", hidden: true });
    this.element = h("div", { class: "picture" }, this.image, this.sign);
    this.ready = this.image.decode().catch(() => this.#broken());
    this.image.addEventListener("load", () => this.#fit());
    this.element.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.element.addEventListener("dblclick", () => this.reset());
    for (const kind of ["pointerdown", "pointermove", "pointerup", "pointercancel"])
      this.element.addEventListener(kind, (event) => this.#pointer(event));
  }

  get commands() {
    const move = (x, y) => () => this.#move(x * 60, y * 60);
    return [
      { key: "+", also: "=", name: "Zoom in", says: "Zoom in (or the wheel, or two fingers)", run: () => this.#zoom(1.4), repeats: true, tool: true, sign: "+" },
      { key: "-", name: "Zoom out", says: "Zoom out", run: () => this.#zoom(1 / 1.4), repeats: true, tool: true, sign: "−" },
      { key: "ArrowLeft", says: "Move what is seen (or drag)", run: move(1, 0), repeats: true },
      { key: "ArrowRight", run: move(-1, 0), repeats: true },
      { key: "ArrowUp", run: move(0, 1), repeats: true },
      { key: "ArrowDown", run: move(0, -1), repeats: true },
      { key: "b", says: "Brighter", run: () => this.#filter("light", 1.15), repeats: true },
      { key: "B", says: "Darker", run: () => this.#filter("light", 1 / 1.15), repeats: true },
      { key: "k", says: "More contrast", run: () => this.#filter("contrast", 1.15), repeats: true },
      { key: "K", says: "Less contrast", run: () => this.#filter("contrast", 1 / 1.15), repeats: true },
      { key: "f", name: "Full resolution", says: "Full resolution", run: () => this.full(), tool: true },
      { key: "r", name: "Reset", says: "As it was (or a double click)", run: () => this.reset(), tool: true },
    ];
  }

  #broken() {
    if (!this.image.naturalWidth) this.#tell("The picture did not come.");
  }

  #fit() {
    const { naturalWidth, naturalHeight } = this.image;
    this.image.classList.toggle("small", Math.max(naturalWidth, naturalHeight) <= SMALL);
  }

  #tell(sentence) {
    this.sign.hidden = !sentence;
    this.sign.textContent = sentence;
    say(sentence);
  }

  // Full resolution replaces the picture when it is whole, so that nothing flickers.
  async full() {
    if (this.isFull) return;
    this.isFull = true;
    this.#tell("Full resolution is on its way …");
    const whole = new Image();
    whole.src = `${this.card.url}?full=1`;
    try {
      await whole.decode();
    } catch {
      this.isFull = false;
      this.#tell("Full resolution did not come; press the key again.");
      return;
    }
    this.image.src = whole.src;
    this.#tell(`Full resolution: ${whole.naturalWidth} × ${whole.naturalHeight}`);
  }

  reset() {
    this.scale = this.light = this.contrast = 1;
    this.x = this.y = 0;
    this.#show("as it was");
  }

  // The point under the pointer stays where it is.
  #zoom(factor, at = { x: 0, y: 0 }) {
    const scale = Math.min(MOST, Math.max(1, this.scale * factor));
    const grown = scale / this.scale;
    this.x = at.x - (at.x - this.x) * grown;
    this.y = at.y - (at.y - this.y) * grown;
    this.scale = scale;
    this.#show(`zoom ${Math.round(scale * 100)} %`);
  }

  #move(x, y) {
    this.x += x;
    this.y += y;
    this.#show(null);
  }

  #filter(what, factor) {
    this[what] = Math.min(5, Math.max(0.2, this[what] * factor));
    this.#show(`${what === "light" ? "brightness" : "contrast"} ${Math.round(this[what] * 100)} %`);
  }

  #show(sentence) {
    // Half of what is zoomed may leave the frame, so that it cannot be lost.
    const most = { x: (this.element.clientWidth * (this.scale - 1)) / 2, y: (this.element.clientHeight * (this.scale - 1)) / 2 };
    this.x = Math.min(most.x, Math.max(-most.x, this.x));
    this.y = Math.min(most.y, Math.max(-most.y, this.y));
    this.image.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    this.image.style.filter = `brightness(${this.light}) contrast(${this.contrast})`;
    this.element.classList.toggle("zoomed", this.scale > 1);
    if (sentence) this.#tell(sentence);
  }

  #at(event) {
    const frame = this.element.getBoundingClientRect();
    return { x: event.clientX - frame.left - frame.width / 2, y: event.clientY - frame.top - frame.height / 2 };
  }

  #wheel(event) {
    event.preventDefault();
    this.#zoom(Math.exp(-event.deltaY / 400), this.#at(event));
  }

  #pointer(event) {
    const before = this.pointers.get(event.pointerId);
    if (event.type === "pointerdown") {
      this.element.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, this.#at(event));
    } else if (event.type !== "pointermove") {
      this.pointers.delete(event.pointerId);
    } else if (before) {
      const now = this.#at(event);
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
      const apart = (point) => Math.hypot(point.x - other.x, point.y - other.y);
      this.pointers.set(event.pointerId, now);
      if (other) this.#zoom(apart(now) / Math.max(1, apart(before)), other);
      else this.#move(now.x - before.x, now.y - before.y);
    }
  }
}
