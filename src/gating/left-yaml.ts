import { parseDocument } from "yaml";

/** Problems are one line each. */
export type ParsedYaml = { readonly value: unknown } | { readonly problem: string };

/** Of one file. */
export const maxLeftYamlBytes = 64 * 1024;

/**
 * A YAML file that a test has left, as it stands there. Pure, but may take seconds and much memory for hostile bytes: where nobody may wait, parse-yaml-apart.ts
 * calls it. `maxAliases` says how often anchors may be used.
 */
export function parseLeftYaml(bytes: Uint8Array, maxAliases: number): ParsedYaml {
  if (bytes.length > maxLeftYamlBytes) return { problem: `it has more than ${maxLeftYamlBytes / 1024} KiB` };
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const document = parseDocument(text, { uniqueKeys: false, prettyErrors: false, logLevel: "error" });
    const [fault] = document.errors;
    if (fault !== undefined) return { problem: `not valid YAML: ${fault.message.replaceAll(/[\s\p{C}]+/gu, " ").slice(0, 200)}` };
    return { value: document.toJS({ maxAliasCount: maxAliases }) };
  } catch {
    return { problem: "it is not UTF-8 text, or has more aliases than flibs takes" };
  }
}
