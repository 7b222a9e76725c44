/**
 * Turns what a container prints into text that is harmless on a terminal and in a page: escape sequences, other control characters and
 * the characters that turn the direction of text (which make a log say what it does not) are left out; a carriage return becomes a
 * line end. Keeps state, so a sequence cut in two by the transport is still found.
 */
export function plainText(): (chunk: string) => string {
  let state: State = "text";
  let returned = false;

  return (chunk) => {
    if (state === "text" && !returned && harmless.test(chunk)) return chunk;
    let text = "";
    for (const character of chunk) {
      if (state === "text" && character === ESC) {
        state = "escape";
      } else if (state === "text" && (character === "\r" || character === "\n")) {
        // "\r\n" is one line end, also when the two come in different chunks.
        if (!(returned && character === "\n")) text += "\n";
      } else if (state === "text") {
        if (!hidden.test(character)) text += character;
      } else {
        state = afterEscape(state, character);
        if (state === "text" && character === "\n") text += "\n";
      }
      returned = character === "\r";
    }
    return text;
  };
}

type State = "text" | "escape" | "control" | "string" | "string-end" | "designate";

const ESC = "\u001b";
/** C0 but tab, DEL, C1, direction overrides and isolates, line and paragraph separators, lone surrogates. */
const hidden = /(?!\t)[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
/** Nothing to do: by far most of what builds print. */
const harmless = /^(?:[\t\n]|[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069])*$/u;

/** ECMA-48: what an escape sequence goes on with. A line end stops every sequence: an unclosed title must not swallow the whole log. */
function afterEscape(state: Exclude<State, "text">, character: string): State {
  if (character === "\n") return "text";
  switch (state) {
    case "escape":
      if (character === "[") return "control";
      if ("]P_^X".includes(character)) return "string";
      return /[ -/]/.test(character) ? "designate" : character === ESC ? "escape" : "text";
    case "control":
      return /[@-~]/.test(character) ? "text" : character === ESC ? "escape" : "control";
    case "designate":
      return /[ -/]/.test(character) ? "designate" : "text";
    case "string":
      return character === "\u0007" ? "text" : character === ESC ? "string-end" : "string";
    case "string-end":
      return character === "\\" ? "text" : "string";
  }
}
