import { DockerfileParser } from "dockerfile-ast";
import { classicDialect, type DockerfileDialect } from "../domain/dockerfile-dialect.ts";
import { lintSyntaxDirective } from "./dockerfile-features.ts";
import { clip, file, maxOfOne, syntax, unsupported } from "./dockerfile-findings.ts";
import { cutDockerfile, type Instruction } from "./dockerfile-lines.ts";
import { expandWord, isBuilderVariable, type Pair, splitPairs, splitWords, variablesIn } from "./dockerfile-words.ts";
import { type Finding, finding, warning } from "./finding.ts";
import { findUnclearHeredoc } from "./heredoc.ts";
import { lintInstruction } from "./lint-instruction.ts";

/** One FROM and what follows it. */
export interface Stage {
  readonly index: number;
  /** `AS name`, lower case as Docker compares it. */
  readonly name?: string;
  readonly line: number;
  /** Position of its FROM in the file's instructions. */
  readonly from: number;
  /** Image as written, after ARGs were filled in. */
  readonly image: string;
  /** Offsets of the written image in the file: what a rewriting replaces. */
  readonly span: readonly [number, number];
  /** `scratch`, an earlier stage, or an image of a registry. */
  readonly base: { readonly kind: "scratch" } | { readonly kind: "stage"; readonly index: number } | { readonly kind: "image" };
  /** LABEL, ENV, ARG and USER in order. */
  readonly settings: readonly Setting[];
}

export interface Setting {
  readonly keyword: "LABEL" | "ENV" | "ARG" | "USER";
  readonly line: number;
  /** Raw, with quotes and variables. An ARG without default has an undefined value; of USER there is one pair, whose name is empty. */
  readonly pairs: readonly (Omit<Pair, "value"> & { readonly value: string | undefined })[];
}

export interface Dockerfile {
  readonly source: string;
  readonly escapeSign: "\\" | "`";
  readonly instructions: readonly Instruction[];
  readonly stages: readonly Stage[];
  /** Values of the ARGs before the first FROM. */
  readonly globals: ReadonlyMap<string, string>;
}

/** Docker's scanner refuses longer lines. */
const maxLine = 65_535;
/** Each instruction is compared with the stages above it, so their number is bounded; the longest real ones have about a hundred. */
const maxInstructions = 1000;
/** Names given by LABEL, ENV and ARG together. */
const maxNames = 1000;
/** Longest image in a FROM, in characters; a registry allows half of it. */
const maxImage = 1000;
/** Here-documents of one instruction. */
const maxHeredocs = 20;
/** Lines of all here-documents: the second parser takes the square of their number. */
const maxBodyLines = 5000;

/**
 * The model and what is wrong with the file for builders of this dialect; the model is undefined when there is no stage to speak of. Pure.
 */
export function parseDockerfile(
  source: string,
  dialect: DockerfileDialect = classicDialect,
): { readonly dockerfile?: Dockerfile; readonly findings: readonly Finding[] } {
  const { instructions, escapeSign, dangling, unterminated } = cutDockerfile(source);
  const tooMany = instructions[maxInstructions];
  if (tooMany !== undefined) {
    return {
      findings: [unsupported(tooMany, `Dockerfile has more than ${maxInstructions} instructions`, "Join them, as in one RUN a && b")],
    };
  }
  const crowded = instructions.find((one) => one.heredocs.length > maxHeredocs);
  if (crowded !== undefined) {
    return {
      findings: [unsupported(crowded, `${crowded.keyword} has more than ${maxHeredocs} here-documents`, "Put the texts into files")],
    };
  }
  let inBodies = 0;
  for (const one of instructions) {
    inBodies += one.body === undefined ? 0 : one.body[1] - one.body[0] + 1;
    if (inBodies <= maxBodyLines) continue;
    return {
      findings: [unsupported(one, `the here-documents have more than ${maxBodyLines} lines`, "Put the texts into files and COPY them")],
    };
  }
  const findings: Finding[] = lintLines(source, instructions, escapeSign, dangling, dialect);
  if (unterminated !== undefined) {
    const line = instructions.at(-1)?.line ?? 1;
    const message = `the here-document <<${unterminated.name} never ends`;
    findings.push(syntax({ line }, message, `Add a line with ${unterminated.name} alone after its last line`));
  }
  const globals = new Map<string, string>();
  const stages: (Stage & { settings: Setting[] })[] = [];
  let names = 0;
  for (const [index, instruction] of instructions.entries()) {
    findings.push(...lintInstruction(instruction, escapeSign, stages, dialect).slice(0, maxOfOne));
    if (instruction.keyword === "FROM") {
      const stage = readStage(instruction, index, escapeSign, globals, stages, findings);
      if (stage !== undefined) stages.push(stage);
      continue;
    }
    const { keyword } = instruction;
    if (keyword === "USER") {
      stages.at(-1)?.settings.push({ keyword, line: instruction.line, pairs: [{ name: "", value: instruction.text }] });
      continue;
    }
    if (keyword !== "LABEL" && keyword !== "ENV" && keyword !== "ARG") continue;
    const setting = readSetting(instruction, keyword, escapeSign);
    if (setting === undefined) {
      const example = keyword === "ARG" ? "ARG name=value" : `${keyword} name="value"`;
      findings.push(
        syntax(instruction, `${keyword} "${clip(instruction.text)}" is not a list of name=value`, `Write it as ${example}, with quotes`),
      );
      continue;
    }
    names += setting.pairs.length;
    if (names > maxNames) {
      const message = `Dockerfile has more than ${maxNames} names in its LABEL, ENV and ARG instructions`;
      return { findings: [...findings, unsupported(instruction, message, "Remove what is not needed")] };
    }
    if (stages.length > 0) stages.at(-1)?.settings.push(setting);
    else if (keyword === "ARG") findings.push(...setGlobals(instruction, setting, globals, escapeSign));
  }
  if (instructions.length === 0) {
    findings.push(finding("distgit.dockerfile-syntax", file, undefined, "Dockerfile is empty", "Start it with FROM <base image>"));
  } else if (!instructions.some((one) => one.keyword === "FROM")) {
    findings.push(finding("distgit.dockerfile-syntax", file, 1, "Dockerfile has no FROM", "Start it with FROM <base image>"));
  }
  return stages.length === 0 ? { findings } : { dockerfile: { source, escapeSign, instructions, stages, globals }, findings };
}

/** Fills in the ARGs before the first FROM. One that is there again without a value has none any more. */
function setGlobals(instruction: Instruction, { pairs }: Setting, globals: Map<string, string>, escapeSign: string): readonly Finding[] {
  const before = new Set<string>();
  return pairs.flatMap(({ name, value }) => {
    const used = variablesIn(value ?? "");
    const own = used.find(isBuilderVariable);
    const early = used.find((one) => before.has(one));
    before.add(name);
    if (value === undefined) {
      globals.delete(name);
      return [];
    }
    const expanded = expandWord(value, globals, escapeSign);
    globals.set(name, expanded.beyond ? "" : expanded.value);
    if (expanded.beyond) return [syntax(instruction, `ARG ${clip(name)} has ${expanded.fault}`, "Write it shorter")];
    if (own !== undefined) return [builderVariable(instruction, `ARG ${clip(name)}`, own)];
    if (early === undefined) return [];
    const message = `ARG ${clip(name)} uses $${clip(early)} of the same line, which some builders do not see yet`;
    return [finding("distgit.dockerfile-ambiguous", file, instruction.line, message, "Give it an ARG line of its own")];
  });
}

function builderVariable({ line }: Instruction, what: string, name: string): Finding {
  const message = `${what} uses $${clip(name)}, which BuildKit sets itself and the classic builder does not`;
  return finding("distgit.dockerfile-ambiguous", file, line, message, "Write the image without it, or use an ARG with a name of your own");
}

/** What could be read in two ways is refused: lint and engine must never see different instructions. */
function lintLines(
  source: string,
  instructions: readonly Instruction[],
  escapeSign: string,
  dangling: boolean,
  dialect: DockerfileDialect,
): Finding[] {
  const findings: Finding[] = [];
  const directives: Finding[] = [];
  const ambiguous = (line: number | undefined, message: string, fix: string) =>
    findings.push(finding("distgit.dockerfile-ambiguous", file, line, message, fix));
  const starts = new Set(instructions.map((one) => one.line));
  const bodies = new Set(instructions.flatMap(({ body }) => (body === undefined ? [] : rangeOf(body))));
  const firstInstruction = instructions[0]?.line ?? Number.POSITIVE_INFINITY;
  source.split("\n").forEach((text, index) => {
    const line = index + 1;
    const bare = text.endsWith("\r") ? text.slice(0, -1) : text;
    if (Buffer.byteLength(bare) > maxLine) ambiguous(line, `line is longer than ${maxLine} bytes, which Docker refuses`, "Break the line");
    if (/[\r\0\u2028\u2029]/.test(bare)) ambiguous(line, "line has a lone carriage return or NUL character", "Remove the character");
    // What stands in a here-document is text.
    if (bodies.has(line)) return;
    // Releases of Docker differ in whether a directive counts after another one, and in what may follow its sign.
    if (line < firstInstruction && /^\s*#\s*escape\s*=/i.test(bare) && !(line === 1 && /^\uFEFF?#\s*escape\s*=\s*[\\`]\s*$/i.test(bare))) {
      ambiguous(line, "# escape= counts only as the very first line, with one sign: \\ or `", "Move it to line 1 alone, or remove it");
    }
    // Wherever it stands before the first instruction: releases differ in what may stand before a directive.
    if (line < firstInstruction && /^[\uFEFF\s]*#\s*syntax\s*=/i.test(bare)) directives.push(lintSyntaxDirective(dialect, line));
    if (bare.trimStart().startsWith("#")) return;
    if (bare.trimEnd().endsWith(escapeSign + escapeSign))
      ambiguous(line, `line ends in ${escapeSign}${escapeSign}`, `Leave one ${escapeSign} to go on, or put a space and quotes`);
    if (/^\s*FROM\s+\S/i.test(bare) && !starts.has(line)) {
      ambiguous(
        line,
        "line looks like FROM but belongs to the instruction above",
        "End the instruction above, or write the word in quotes",
      );
    }
  });
  if (dangling) {
    ambiguous(
      instructions.at(-1)?.lastLine,
      `the last instruction ends in ${escapeSign} with nothing after it`,
      `Remove the ${escapeSign}`,
    );
  }
  for (const { keyword, text, line } of instructions) {
    const unclear = findUnclearHeredoc(keyword, text, escapeSign);
    if (unclear !== undefined) ambiguous(line, unclear.message, unclear.fix);
  }
  if (findings.length > 0) return [...directives, ...findings];
  // A second opinion: where the two parsers do not agree on what the instructions are, nobody can tell what the engine will do.
  const other = DockerfileParser.parse(source)
    .getInstructions()
    .map((one) => `${one.getRange().start.line + 1} ${one.getKeyword()}`);
  const differs = instructions.findIndex((one, index) => other[index] !== `${one.line} ${one.keyword}`);
  if (differs >= 0 || other.length !== instructions.length) {
    // When the other goes on behind our last one, that is the place.
    const line = instructions.at(differs)?.line;
    ambiguous(line, "the instruction can be read in two ways", "Write it on one line, with plain quotes and no << in it");
  }
  return [...directives, ...findings];
}

function rangeOf([from, to]: readonly [number, number]): readonly number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

function readStage(
  instruction: Instruction,
  index: number,
  escapeSign: string,
  globals: ReadonlyMap<string, string>,
  stages: readonly Stage[],
  findings: Finding[],
): (Stage & { settings: Setting[] }) | undefined {
  const words = splitWords(instruction.text, escapeSign);
  const plain = words.filter((word) => !word.raw.startsWith("--"));
  const flags = words.filter((word) => word.raw.startsWith("--"));
  const [image, as, name, ...rest] = plain;
  const wrongFlag = flags.find((flag) => !flag.raw.startsWith("--platform="));
  const isNamed = as === undefined || (as.raw.toLowerCase() === "as" && name !== undefined && /^[a-z][a-z0-9_.-]*$/i.test(name.raw));
  if (image === undefined || wrongFlag !== undefined || !isNamed || rest.length > 0) {
    findings.push(
      syntax(
        instruction,
        `FROM "${clip(instruction.text)}" is not an image, or an image AS a name`,
        "Write FROM <image> or FROM <image> AS <name>",
      ),
    );
    return undefined;
  }
  const own = variablesIn(image.raw).find(isBuilderVariable);
  if (own !== undefined) {
    findings.push(builderVariable(instruction, "FROM", own));
    return undefined;
  }
  const expanded = expandWord(image.raw, globals, escapeSign);
  if (expanded.beyond !== true && expanded.value.length > maxImage) {
    findings.push(syntax(instruction, `FROM names an image with more than ${maxImage} characters`, "Write FROM <image>"));
    return undefined;
  }
  if (expanded.fault !== undefined)
    findings.push(syntax(instruction, `FROM has ${expanded.fault}`, expanded.beyond ? "Write it shorter" : "Close it"));
  if (expanded.beyond) return undefined;
  for (const variable of expanded.missing.slice(0, maxOfOne)) {
    const message = `FROM uses $${variable}, which has no value there`;
    findings.push(
      finding("distgit.variable-undefined", file, instruction.line, message, `Add above the first FROM: ARG ${variable}=<value>`),
    );
  }
  if (expanded.value === "" && expanded.missing.length === 0)
    findings.push(syntax(instruction, "FROM names no image", "Write FROM <image>"));
  const stage = stages.findLast((one) => one.name === expanded.value.toLowerCase());
  if (stage === undefined && /^koji\/image-build(?:[:@]|$)/.test(expanded.value)) {
    const message =
      "FROM koji/image-build asks for a base image made of image-build.conf and a kickstart file; flibs makes layered images only";
    findings.push(unsupported(instruction, message, "Name the base image: FROM <registry>/<image>:<tag>"));
  }
  const stageName = name?.raw.toLowerCase();
  if (stageName !== undefined && ["scratch", "context"].includes(stageName)) {
    // The builders look for a stage of that name first, so that FROM scratch would not be empty.
    const message = `"${stageName}" is a word of Docker's own, and no name of a stage`;
    findings.push(finding("distgit.dockerfile-ambiguous", file, instruction.line, message, "Name the stage otherwise"));
  }
  if (stageName !== undefined && stages.some((one) => one.name === stageName)) {
    findings.push(syntax(instruction, `stage "${stageName}" is there twice`, "Give one of them another name"));
  }
  if (/:latest$|^[^:@]+$|\/[^:@]+$/.test(expanded.value) && stage === undefined && expanded.value !== "scratch" && expanded.value !== "") {
    const message = `FROM ${clip(expanded.value)} follows whatever is newest`;
    findings.push(warning("distgit.parent-floating", file, instruction.line, message, "Name the release in the tag, as in fedora:42"));
  }
  return {
    index: stages.length,
    ...(stageName === undefined ? {} : { name: stageName }),
    line: instruction.line,
    from: index,
    image: expanded.value,
    span: [instruction.offsets[image.start] ?? 0, (instruction.offsets[image.end - 1] ?? 0) + 1],
    base: expanded.value === "scratch" ? { kind: "scratch" } : stage ? { kind: "stage", index: stage.index } : { kind: "image" },
    settings: [],
  };
}

function readSetting({ text, line }: Instruction, keyword: "LABEL" | "ENV" | "ARG", escapeSign: string): Setting | undefined {
  if (keyword !== "ARG") {
    const pairs = splitPairs(text, escapeSign);
    return pairs && { keyword, line, pairs };
  }
  const pairs = splitWords(text, escapeSign).map(({ raw }) => {
    const cut = raw.indexOf("=");
    return cut < 0 ? { name: raw, value: undefined } : { name: raw.slice(0, cut), value: raw.slice(cut + 1) };
  });
  return pairs.every((pair) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(pair.name)) ? { keyword, line, pairs } : undefined;
}
