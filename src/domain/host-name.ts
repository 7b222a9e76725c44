/**
 * A host's name as it stands in DNS: labels of letters, digits and inner dashes, at most 253 characters (RFC 1123), the last label with a letter,
 * so that no address is taken for a name. In lower case and without the dot at the end; undefined for anything else.
 */
export function parseHostName(text: string): string | undefined {
  const name = text.toLowerCase().replace(/\.$/, "");
  const labels = name.split(".");
  const isName = name.length <= 253 && labels.every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(label));
  return isName && /[a-z]/.test(labels.at(-1) ?? "") ? name : undefined;
}
