// Which key does what. A class whose name or number is a key has that key; a command that wants the
// same one is reached with Shift.

const typing = (element) => element.matches("input:not([type=checkbox]), textarea, select");

// Commands with the keys that are left to them.
export function settle(commands, classes) {
  const taken = new Set(classes.map((one) => one.key).filter(Boolean));
  return commands.map((command) => {
    if (!taken.has(command.key)) return command;
    const shifted = command.key.toUpperCase();
    return { ...command, key: shifted === command.key || taken.has(shifted) ? null : shifted };
  });
}

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
