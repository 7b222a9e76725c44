import type { DockerfileDialect } from "../domain/dockerfile-dialect.ts";
import type { Stage } from "./dockerfile.ts";
import { lintFeature, lintForeignFlag, lintMount, lintRunNetwork } from "./dockerfile-features.ts";
import { clip, file, maxOfOne, syntax, unsupported } from "./dockerfile-findings.ts";
import type { Instruction } from "./dockerfile-lines.ts";
import { splitWords } from "./dockerfile-words.ts";
import { type Finding, finding } from "./finding.ts";
import { findUnclearArguments, innermost } from "./instruction-arguments.ts";
import { lintAdd } from "./lint-add.ts";

const known = new Set(
  "ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME WORKDIR".split(" "),
);

/** What is wrong with one instruction, by itself and against the stages above it. Pure. */
export function lintInstruction(
  instruction: Instruction,
  escapeSign: string,
  stages: readonly Stage[],
  dialect: DockerfileDialect,
): Finding[] {
  const { keyword, text, line } = instruction;
  if (!known.has(keyword)) {
    return [
      syntax(instruction, `unknown instruction "${clip(keyword)}"`, "Remove it, or end the line above with \\ when it belongs there"),
    ];
  }
  if (text === "") return [syntax(instruction, `${keyword} has no arguments`, `Give ${keyword} its arguments or remove the line`)];
  if (stages.length === 0 && keyword !== "FROM" && keyword !== "ARG") {
    return [syntax(instruction, `${keyword} stands before the first FROM`, "Move it below FROM; only ARG may stand before")];
  }
  const unclear = findUnclearArguments(instruction);
  if (unclear !== undefined) return [finding("distgit.dockerfile-ambiguous", file, line, unclear.message, unclear.fix)];
  const findings: Finding[] = [];
  const classic = (message: string, fix: string) => findings.push(finding("distgit.dockerfile-unsupported", file, line, message, fix));
  if (instruction.heredocs.length > 0)
    findings.push(...lintFeature(dialect, "heredoc", instruction, "a here-document (<<)", "Put the text into a file and COPY it"));
  const words = splitWords(text, escapeSign);
  const firstPlain = words.findIndex((word) => !word.raw.startsWith("--"));
  const flags = words.slice(0, firstPlain < 0 ? words.length : firstPlain).map((word) => word.raw);
  if (flags.length > maxOfOne) classic(`${keyword} has more than ${maxOfOne} flags`, "Remove flags");
  for (const flag of flags.slice(0, maxOfOne)) {
    const name = flag.split("=")[0] as string;
    const value = flag.slice(name.length + 1);
    const isCopy = keyword === "COPY" || keyword === "ADD";
    if (keyword === "RUN" && name === "--mount") {
      findings.push(
        ...lintFeature(dialect, "run-mount", instruction, "RUN --mount", "Remove --mount; install and clean up in one RUN"),
        ...(dialect.features.includes("run-mount")
          ? lintMount(value, instruction, (from) => lintMountFrom(from, instruction, stages))
          : []),
      );
    } else if (keyword === "RUN" && name === "--network") {
      findings.push(
        ...lintFeature(dialect, "run-network", instruction, "RUN --network", "Remove --network; install and clean up in one RUN"),
        ...(dialect.features.includes("run-network") ? lintRunNetwork(value, instruction) : []),
      );
    } else if (isCopy && name === "--chmod") {
      findings.push(...lintFeature(dialect, "copy-chmod", instruction, `${keyword} --chmod`, "Remove --chmod"));
    } else if (isCopy && name === "--link") {
      findings.push(...lintFeature(dialect, "copy-link", instruction, `${keyword} --link`, "Remove --link"));
    } else if (name === "--from") findings.push(...lintCopyFrom(value, instruction, stages));
    else if (keyword === "RUN" || (isCopy && name !== "--chown")) findings.push(...lintForeignFlag(dialect, instruction, name));
  }
  if (keyword === "ONBUILD" && /^\s*(ONBUILD|FROM|MAINTAINER)\b/i.test(text)) {
    findings.push(syntax(instruction, `ONBUILD ${text.split(/\s/)[0]} is not allowed`, "Remove the line"));
  }
  const inner = innermost(instruction);
  if (inner.keyword === "ADD") findings.push(...lintAdd({ line, text: inner.text }).slice(0, maxOfOne));
  // Of a mount too: `ONBUILD RUN --mount=type=bind,from=…`.
  if (keyword === "ONBUILD" && /--from=|--mount=/i.test(text))
    classic("ONBUILD with --from reads an image that nobody checked", "Remove the line");
  return findings;
}

/** BuildKit knows the stage of a mount by its name only, and takes a number for the name of an image. */
function lintMountFrom(from: string, instruction: Instruction, stages: readonly Stage[]): readonly Finding[] {
  if (!/^\d+$/.test(from)) return lintCopyFrom(from, instruction, stages);
  return [unsupported(instruction, `RUN --mount=from=${clip(from)} is no name of a stage`, "Name the stage: FROM <image> AS <name>")];
}

/** A foreign image must stand in a FROM, where it is checked and pinned. */
function lintCopyFrom(from: string, instruction: Instruction, stages: readonly Stage[]): Finding[] {
  const isStage = stages.some((stage) => stage.name === from.toLowerCase() || String(stage.index) === from);
  if (isStage) return [];
  const message = `${instruction.keyword} --from=${clip(from)} names no stage above; a foreign image there can be neither checked nor pinned`;
  return [
    finding(
      "distgit.dockerfile-unsupported",
      file,
      instruction.line,
      message,
      `Add a stage: FROM ${clip(from)} AS <name>, and use --from=<name>`,
    ),
  ];
}
