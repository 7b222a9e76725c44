import type { DockerfileDialect, DockerfileFeature } from "../domain/dockerfile-dialect.ts";
import type { Instruction } from "./dockerfile-lines.ts";
import { type Finding, finding, warning } from "./finding.ts";

const file = "Dockerfile";

/** What a builder that lacks the feature could not build; empty when all builders have it. `what` begins the sentence. Pure. */
export function lintFeature(
  dialect: DockerfileDialect,
  feature: DockerfileFeature,
  { line }: Pick<Instruction, "line">,
  what: string,
  fix: string,
): readonly Finding[] {
  if (dialect.features.includes(feature)) return [];
  return [refused(line, `${what} needs ${neededBy(dialect)}`, fix)];
}

/** A flag that no builder here may be given, or that none knows. */
export function lintForeignFlag(
  dialect: DockerfileDialect,
  { keyword, line }: Pick<Instruction, "keyword" | "line">,
  name: string,
): readonly Finding[] {
  const forbidden = forbiddenFlags[`${keyword} ${name}`];
  if (forbidden !== undefined && dialect.builder === "buildkit")
    return [refused(line, `${keyword} ${name} ${forbidden}`, `Remove ${name}`)];
  return [refused(line, `${keyword} ${name} needs ${neededBy(dialect)}`, `Remove ${name}`)];
}

const forbiddenFlags: Readonly<Record<string, string>> = {
  "RUN --security": "would run without the walls around builds",
  "RUN --device": "would reach a device of the builder",
};

/**
 * `# syntax=…` names an image that BuildKit fetches and runs in its own place, with its own rights: whoever writes that line would be the builder.
 * The classic builder takes it for a comment.
 */
export function lintSyntaxDirective(dialect: DockerfileDialect, line: number): Finding {
  if (dialect.builder === "classic") {
    const message = "# syntax= is a comment for the classic builder, and refused where BuildKit builds";
    return warning("distgit.dockerfile-unsupported", file, line, message, "Remove the line");
  }
  return refused(
    line,
    "# syntax= has the builder fetch and run another program in its own place, with its own rights",
    "Remove the line: the frontend of the engine itself is used",
  );
}

/**
 * The value of `RUN --mount=`. Kept strict, since what the engine reads otherwise would be what nobody checked: no variables, and only mounts
 * that hold nothing but the build's own files. Flags have no quotes here (`findUnclearArguments`).
 */
export function lintMount(
  value: string,
  { line }: Pick<Instruction, "line">,
  lintFrom: (from: string) => readonly Finding[],
): readonly Finding[] {
  if (value.includes("$")) {
    return [
      refused(
        line,
        `RUN --mount=${clip(value)} has variables, so it can't be checked`,
        "Write it plainly, as in --mount=type=cache,target=/root/.cache",
      ),
    ];
  }
  const findings: Finding[] = [];
  let type = "bind";
  for (const field of value.split(",")) {
    const cut = field.indexOf("=");
    const name = (cut < 0 ? field : field.slice(0, cut)).toLowerCase();
    if (name === "type") type = field.slice(cut + 1).toLowerCase();
    if (name === "from" && cut >= 0) findings.push(...lintFrom(field.slice(cut + 1)));
  }
  if (["bind", "cache", "tmpfs"].includes(type)) return findings;
  const reason = type === "secret" || type === "ssh" ? "builds are given no secrets and no keys" : "there is no such mount";
  return [refused(line, `RUN --mount=type=${clip(type)}: ${reason}`, "Use type=bind, cache or tmpfs, or remove --mount"), ...findings];
}

export function lintRunNetwork(value: string, { line }: Pick<Instruction, "line">): readonly Finding[] {
  if (value === "default" || value === "none") return [];
  return [refused(line, `RUN --network=${clip(value)} would leave the network of builds`, "Use --network=none or default, or remove it")];
}

function neededBy({ builder }: DockerfileDialect): string {
  return builder === "classic" ? "BuildKit, and images are built by the classic builder" : "a newer BuildKit than the engines here have";
}

function refused(line: number, message: string, fix: string): Finding {
  return finding("distgit.dockerfile-unsupported", file, line, message, fix);
}

function clip(text: string): string {
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
