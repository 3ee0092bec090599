// Which key does what. A class whose name or number is a key has that key; a command that wants the
// same one is reached with Shift, or by no key where that is the key of another command.

const typing = (element) => element.matches("input:not([type=checkbox]), textarea, select");

// Commands with the keys that are left to them.
export function settle(commands, classes) {
  const [taken, wanted] = [classes, commands].map((list) => new Set(list.map((one) => one.key).filter(Boolean)));
  return commands.map((command) => {
    if (!taken.has(command.key)) return command;
    const shifted = command.key.toUpperCase();
    return { ...command, key: wanted.has(shifted) || taken.has(shifted) ? null : shifted };
  });
}

// What a screen reader is told of a key.
export const shortcut = (key) => (key?.length === 1 && key !== key.toLowerCase() ? `Shift+${key}` : (key ?? undefined));

// A toolbar is one stop of Tab; in it arrows, Home and End go from tool to tool.
export function toolbar(bar) {
  bar.addEventListener("keydown", (event) => {
    const tools = [...bar.children];
    const at = tools.indexOf(document.activeElement);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: -1 }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation(); // else the picture moves too
    tools.at(to % tools.length).focus();
  });
  bar.addEventListener("focusin", (event) => stopAt(bar, event.target.closest("button")));
  return bar;
}

export function fill(bar, tools) {
  bar.replaceChildren(...tools);
  stopAt(bar, tools[0]);
}

const stopAt = (bar, one) => [...bar.children].forEach((tool) => (tool.tabIndex = tool === one ? 0 : -1));

// The key that was meant: where digits need Shift (as on French keyboards) the physical key counts.
export function meant(event, known) {
  if (known.has(event.key)) return event.key;
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code);
  if (digit && !event.shiftKey && known.has(digit[1])) return digit[1];
  if (event.key.length !== 1) return null;
  return [event.key.toLowerCase(), event.key.toUpperCase()].find((key) => known.has(key)) ?? null;
}

// Whether a key goes to what has the focus and is no command.
export function elsewhere(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return true;
  const target = event.target;
  if (target.closest("dialog")) return true;
  if (target.dataset?.number !== undefined) return event.key.length === 1 ? /[\d.,eE+\-\s]/.test(event.key) : event.key !== "Enter";
  if (typing(target)) return true;
  if (target.matches("audio, video, summary") && /^(Arrow|Enter| )/.test(event.key)) return true;
  return target.matches("a, button") && (event.key === "Enter" || event.key === " ") && target.dataset?.class === undefined;
}
