/** What {@link decodeEntities} knows by name; promotion bodies write numbers. */
const named: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" };
const entity = /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|(amp|lt|gt|quot|apos|nbsp));/g;

/**
 * `&#60;` to `<`: text, never markup again, so only for text that was taken apart already and is escaped where it is shown. Once, not
 * until nothing is left: `&#38;lt;` is `&lt;`. Control characters and half surrogates stay as they were written. Pure.
 */
export function decodeEntities(text: string): string {
  return text.replace(entity, (whole, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return named[name] ?? whole;
    const code = decimal === undefined ? Number.parseInt(hex ?? "", 16) : Number(decimal);
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return whole;
    const character = String.fromCodePoint(code);
    return /\p{Cc}/u.test(character) ? whole : character;
  });
}

/** Zero-width spaces keep forges from making links and mentions; people who read or copy the text are better off without. */
export function withoutBreaks(text: string): string {
  return text.replaceAll("\u200b", "");
}
