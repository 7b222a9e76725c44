// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
const unfit = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu;

/**
 * The value with everything written out (`\u001b`) that XML 1.0 has no way to say, in texts and in names of members. Koji's hub takes an ESC in
 * metadata, and from then on none of its answers about that build can be read.
 */
export function escapeText<T>(value: T): T {
  return escaped(value) as T;
}

function escaped(value: unknown): unknown {
  if (typeof value === "string") return escapeString(value);
  if (Array.isArray(value)) return value.map(escaped);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [escapeString(name), escaped(member)]));
}

function escapeString(text: string): string {
  return text.replace(unfit, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
