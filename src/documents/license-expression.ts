import { createHash } from "node:crypto";
import exceptions from "spdx-exceptions/index.json" with { type: "json" };
import deprecated from "spdx-license-ids/deprecated.json" with { type: "json" };
import licenses from "spdx-license-ids/index.json" with { type: "json" };

/** A package's licence in SPDX's words. */
export interface License {
  /** An SPDX 2.3 licence expression, or `NOASSERTION` when the package says nothing. */
  readonly expression: string;
  /** The expression is made of the package's own words; else it is one `LicenseRef` that stands for them. */
  readonly isSpdx: boolean;
  /** Each `LicenseRef` of the expression, and what is known of its text. */
  readonly references: ReadonlyMap<string, string>;
}

const ids: ReadonlySet<string> = new Set([...licenses, ...deprecated]);
const exceptionIds: ReadonlySet<string> = new Set(exceptions);
const reference = /^LicenseRef-[A-Za-z0-9.-]+$/;
const unknownText = "The package's license tag names it; its text stands in the package.";

/**
 * SPDX 2.3, annex D: operators in capitals, identifiers as they are listed. What is none of that (`GPLv2+ and MIT`, as RPMs said before) becomes
 * a `LicenseRef` of its own. In one pass without recursion, since a licence may be 4096 brackets.
 */
export function parseLicense(text: string | undefined): License {
  const words = text?.trim() ?? "";
  if (words === "") return { expression: "NOASSERTION", isSpdx: true, references: new Map() };
  const tokens = words.match(/[()]|[^()\s]+/g) ?? [];
  if (!isExpression(tokens)) {
    const own = licenseRef(words);
    return { expression: own, isSpdx: false, references: new Map([[own, words]]) };
  }
  const references = new Map(tokens.filter((token) => reference.test(token)).map((token) => [token, unknownText]));
  const expression = tokens.join(" ").replaceAll("( ", "(").replaceAll(" )", ")");
  return { expression, isSpdx: true, references };
}

function isExpression(tokens: readonly string[]): boolean {
  let open = 0;
  /** What stood before: an operand is followed by an operator, and `WITH` only by an exception, and only right after a licence. */
  let before: "operator" | "licence" | "operand" | "with" = "operator";
  for (const token of tokens) {
    const after = before === "licence" || before === "operand";
    if (before === "with") {
      if (!exceptionIds.has(token)) return false;
      before = "operand";
    } else if (token === "(") {
      if (after) return false;
      open += 1;
    } else if (token === ")") {
      if (!after || open === 0) return false;
      open -= 1;
      before = "operand";
    } else if (token === "AND" || token === "OR") {
      if (!after) return false;
      before = "operator";
    } else if (token === "WITH") {
      if (before !== "licence") return false;
      before = "with";
    } else {
      if (after || !(isLicense(token) || reference.test(token))) return false;
      before = "licence";
    }
  }
  return open === 0 && (before === "licence" || before === "operand");
}

/** `Apache-2.0+`: this version or a later one. */
function isLicense(token: string): boolean {
  return ids.has(token) || (token.endsWith("+") && ids.has(token.slice(0, -1)));
}

/** The hash keeps two texts apart that look the same when other characters are left out. */
function licenseRef(text: string): string {
  const readable = text
    .replace(/[^A-Za-z0-9.]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 60);
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 8);
  return `LicenseRef-${readable === "" ? "" : `${readable}-`}${hash}`;
}
