import { appError } from "../domain/errors.ts";
import type { Dockerfile, Stage } from "./dockerfile.ts";
import { cutDockerfile, type Instruction } from "./dockerfile-lines.ts";
import { formatLabels, formatWord } from "./format-labels.ts";

/** Everything that the engine's Dockerfile has and the repository's has not. Names of files are our own: plain, without blanks. */
export interface Rewriting {
  /** What stands for the image of a FROM, for example its digest; undefined leaves it. Never asked for `scratch` and stages. */
  readonly pinned: (image: string) => string | undefined;
  /** Set at the start of every stage. */
  readonly env?: { readonly name: string; readonly value: string };
  /** Yum repository files: there while a stage is built, gone at its end. */
  readonly repositories?: {
    /** Directory of the build context, with a slash at its end. */
    readonly source: string;
    /** Names below /etc/yum.repos.d/. */
    readonly names: readonly string[];
    /** By stage: an argument for USER that brings back who its last instructions run as; undefined is root. */
    readonly users: readonly (string | undefined)[];
  };
  /** An archive in the build context of what goes into /root/buildinfo. */
  readonly buildinfo?: string;
  /** A file in the build context that becomes /help.1. */
  readonly help?: string;
  /** One LABEL line at the very end. */
  readonly labels: Readonly<Record<string, string>>;
}

export interface RewrittenDockerfile {
  readonly text: string;
  /** By instruction: its line in the repository's Dockerfile; undefined for those that were added. */
  readonly lines: readonly (number | undefined)[];
}

/** Added text, before the character at an offset of the source. */
interface Insertion {
  readonly at: number;
  readonly instructions: readonly string[];
}

/**
 * The Dockerfile that the engine gets. Every byte of the repository's stays as it is but for the images of FROM; what is added already is not added
 * again, so that rewriting twice is rewriting once. See docs/decisions/0022. Pure. Throws `distgit.dockerfile-ambiguous` when it ends
 * in the middle of an instruction.
 */
export function rewriteDockerfile(dockerfile: Dockerfile, rewriting: Rewriting): RewrittenDockerfile {
  const { source, escapeSign, instructions } = dockerfile;
  if (cutDockerfile(source).dangling) {
    throw appError("distgit.dockerfile-ambiguous", `the last instruction ends in ${escapeSign}`, {
      file: "Dockerfile",
      hint: `Remove the ${escapeSign}`,
    });
  }
  const end = source.includes("\r\n") ? "\r\n" : "\n";
  const write = (added: readonly string[]) => added.map((one) => one + end).join("");
  const tail = tailOf(dockerfile, rewriting);
  const hasTail = source.endsWith(write(tail));
  const bodyEnd = hasTail ? source.length - write(tail).length : source.length;
  const isThere = ({ at, instructions: added }: Insertion, side: "before" | "after") =>
    side === "before" ? source.slice(0, at).endsWith(write(added)) : source.startsWith(write(added), at);

  const insertions: Insertion[] = [];
  const insert = (insertion: Insertion, side: "before" | "after") => {
    if (insertion.instructions.length > 0 && !isThere(insertion, side)) insertions.push(insertion);
  };
  for (const stage of dockerfile.stages) {
    const from = instructions[stage.from] as Instruction;
    insert({ at: from.end, instructions: startOf(dockerfile, stage, rewriting) }, "after");
    if (stage.index < dockerfile.stages.length - 1) {
      const last = instructionsOf(dockerfile, stage).at(-1) ?? from;
      insert({ at: last.end, instructions: removalOf(dockerfile, stage, rewriting) }, "before");
    }
  }
  const last = instructions.findLast((one) => one.start < bodyEnd) as Instruction;
  insert({ at: metadata.has(last.keyword) ? last.start : last.end, instructions: filesOf(rewriting) }, "before");
  if (tail.length > 0 && !hasTail) insertions.push({ at: source.length, instructions: tail });
  return { text: splice(dockerfile, rewriting.pinned, insertions, end), lines: linesOf(instructions, insertions) };
}

/**
 * Into the directory itself: an archive of /root/buildinfo unpacked at / would not follow a /root that is a link (/var/roothome of image-based systems) to a
 * directory that is not there yet.
 */
function filesOf({ buildinfo, help }: Rewriting): readonly string[] {
  return [
    ...(buildinfo === undefined ? [] : [`ADD ${buildinfo} /root/buildinfo/`]),
    ...(help === undefined ? [] : [`COPY ${help} /help.1`]),
  ];
}

/** Instructions that change no file: what is copied before one of them is in the image all the same. */
const metadata = new Set(
  "ARG CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL MAINTAINER ONBUILD SHELL STOPSIGNAL USER VOLUME WORKDIR".split(" "),
);

function startOf(dockerfile: Dockerfile, stage: Stage, { env, repositories }: Rewriting): readonly string[] {
  const set = env === undefined ? [] : [`ENV ${env.name}=${formatWord(env.value, dockerfile.escapeSign)}`];
  const copy =
    hasRepositories(dockerfile, stage) && repositories !== undefined ? [`COPY ${repositories.source} ${repositoryDirectory}`] : [];
  return [...set, ...copy];
}

const repositoryDirectory = "/etc/yum.repos.d/";

/**
 * `FROM scratch` has nothing that reads repositories, and a stage that runs nothing installs nothing: it may not even have an `rm`. Our own removal
 * is no instruction of the repository.
 */
function hasRepositories(dockerfile: Dockerfile, stage: Stage): boolean {
  return stage.base.kind !== "scratch" && instructionsOf(dockerfile, stage).some((one) => one.keyword === "RUN");
}

/** In the form without a shell: SHELL may name one that is not there or is no shell. */
function removalOf(dockerfile: Dockerfile, stage: Stage, { repositories }: Rewriting): readonly string[] {
  if (repositories === undefined || repositories.names.length === 0 || !hasRepositories(dockerfile, stage)) return [];
  const remove = `RUN ${JSON.stringify(["rm", "-f", ...repositories.names.map((name) => repositoryDirectory + name)])}`;
  const user = repositories.users[stage.index];
  return user === undefined ? [remove] : ["USER root", remove, `USER ${user}`];
}

function tailOf(dockerfile: Dockerfile, rewriting: Rewriting): readonly string[] {
  const labels = formatLabels(rewriting.labels, dockerfile.escapeSign);
  const last = dockerfile.stages.at(-1) as Stage;
  return [...removalOf(dockerfile, last, rewriting), ...(labels === "" ? [] : [labels])];
}

function instructionsOf({ instructions, stages }: Dockerfile, stage: Stage): readonly Instruction[] {
  return instructions.slice(stage.from + 1, stages[stage.index + 1]?.from);
}

function splice({ source, stages }: Dockerfile, pinned: Rewriting["pinned"], insertions: readonly Insertion[], end: string): string {
  const edits = stages.flatMap(({ span, image, base }) => {
    // Also of scratch and stages: a builder that knows more variables must not find another image behind the same text.
    const replacement = base.kind === "image" ? pinned(image) : image;
    return replacement === undefined || replacement === source.slice(...span) ? [] : [{ from: span[0], to: span[1], text: replacement }];
  });
  for (const { at, instructions } of insertions) edits.push({ from: at, to: at, text: instructions.map((one) => one + end).join("") });
  let text = "";
  let at = 0;
  // Sorting is stable: insertions at one place keep their order.
  for (const edit of edits.toSorted((a, b) => a.from - b.from)) {
    text += source.slice(at, edit.from);
    if (edit.from === edit.to && text !== "" && !text.endsWith("\n")) text += end;
    text += edit.text;
    at = edit.to;
  }
  return text + source.slice(at);
}

function linesOf(instructions: readonly Instruction[], insertions: readonly Insertion[]): readonly (number | undefined)[] {
  const lines: (number | undefined)[] = [];
  const pending = insertions.toSorted((a, b) => a.at - b.at);
  for (const { start, line } of instructions) {
    while ((pending[0]?.at ?? Number.POSITIVE_INFINITY) <= start) lines.push(...(pending.shift()?.instructions ?? []).map(() => undefined));
    lines.push(line);
  }
  return [...lines, ...pending.flatMap((one) => one.instructions.map(() => undefined))];
}
