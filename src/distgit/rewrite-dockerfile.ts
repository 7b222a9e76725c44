import { appError } from "../domain/errors.ts";
import type { Dockerfile } from "./dockerfile.ts";
import { cutDockerfile } from "./dockerfile-lines.ts";

/** Longest value that is written; Docker's scanner takes 64 KiB a line. */
const maxValue = 2048;

/**
 * The Dockerfile that the engine gets: the image of each FROM replaced by what `pinned` says for it (undefined leaves it: `scratch`,
 * stages), one LABEL line at the end. Every other byte stays as it is. Pure.
 */
export function rewriteDockerfile(
  dockerfile: Dockerfile,
  pinned: (image: string) => string | undefined,
  labels: Readonly<Record<string, string>>,
): string {
  const { source, escapeSign, stages } = dockerfile;
  if (cutDockerfile(source).dangling) {
    throw appError("distgit.dockerfile-ambiguous", `the last instruction ends in ${escapeSign}`, {
      file: "Dockerfile",
      hint: `Remove the ${escapeSign}`,
    });
  }
  let text = "";
  let at = 0;
  for (const { span, image, base } of stages) {
    const replacement = base.kind === "image" ? pinned(image) : undefined;
    if (replacement === undefined) continue;
    text += source.slice(at, span[0]) + replacement;
    at = span[1];
  }
  text += source.slice(at);
  const line = formatLabels(labels, escapeSign);
  if (line === "") return text;
  const end = source.includes("\r\n") ? "\r\n" : "\n";
  return `${text}${text.endsWith("\n") ? "" : end}${line}${end}`;
}

/** One LABEL instruction, in the order of the names. Empty without labels. */
export function formatLabels(labels: Readonly<Record<string, string>>, escapeSign: string): string {
  const pairs = Object.keys(labels)
    .sort()
    .map((name) => `${quote(name, escapeSign)}=${quote(labels[name] ?? "", escapeSign)}`);
  return pairs.length === 0 ? "" : `LABEL ${pairs.join(" ")}`;
}

/** What a label's value becomes: one line, since a Dockerfile can't hold a line end in a word, and of bounded length. */
export function plainLabelValue(value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must go
  return value.replaceAll(/[\u0000-\u001f\u007f\u0085\u2028\u2029]+/g, " ").slice(0, maxValue);
}

function quote(value: string, escapeSign: string): string {
  let text = "";
  for (const character of plainLabelValue(value)) text += `"$${escapeSign}`.includes(character) ? escapeSign + character : character;
  return `"${text}"`;
}
