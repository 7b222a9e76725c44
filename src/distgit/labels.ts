import type { Dockerfile, Stage } from "./dockerfile.ts";
import { expandWord } from "./dockerfile-words.ts";

/** One label of the image that the last stage gives. */
export interface Label {
  readonly name: string;
  readonly value: string;
  readonly line: number;
  /** Variables without a value; what stands in `value` then is not what was meant. */
  readonly missing: readonly string[];
  readonly fault?: string;
}

/** ENV of a parent image; undefined when it was not read (yet). Keyed by the image as written. */
export type ParentEnv = (image: string) => Readonly<Record<string, string>> | undefined;

export interface ResolvedLabels {
  /** The last one of a name counts, as in Docker. Labels of the parent image are not among them. */
  readonly labels: ReadonlyMap<string, Label>;
  /** False when a parent's ENV was not known: variables missing then may still be defined there. */
  readonly complete: boolean;
}

/** New name first; the first one that is set counts (OSBS). */
export const labelAliases: Readonly<Record<string, readonly string[]>> = {
  name: ["name", "Name"],
  version: ["version", "Version"],
  release: ["release", "Release"],
  architecture: ["architecture", "Architecture"],
  vendor: ["vendor", "Vendor"],
  "authoritative-source-url": ["authoritative-source-url", "Authoritative_Registry"],
  "com.redhat.component": ["com.redhat.component", "BZComponent"],
  run: ["run", "RUN"],
  install: ["install", "INSTALL"],
  uninstall: ["uninstall", "UNINSTALL"],
};

export function findLabel(labels: ReadonlyMap<string, Label>, name: string): Label | undefined {
  for (const alias of labelAliases[name] ?? [name]) {
    const label = labels.get(alias);
    if (label !== undefined) return label;
  }
  return undefined;
}

/** Labels of the last stage and of the stages it is made from, with ENV and ARG filled in as the builder does it. Pure. */
export function resolveLabels(dockerfile: Dockerfile, parentEnv: ParentEnv): ResolvedLabels {
  const last = dockerfile.stages.at(-1) as Stage;
  const result = resolveStage(dockerfile, last, parentEnv);
  return { labels: result.labels, complete: result.complete };
}

interface StageState {
  readonly labels: Map<string, Label>;
  readonly env: Map<string, string>;
  readonly complete: boolean;
}

function resolveStage(dockerfile: Dockerfile, stage: Stage, parentEnv: ParentEnv): StageState {
  const { labels, env, complete } = startOf(dockerfile, stage, parentEnv);
  const args = new Map<string, string>();
  const { escapeSign, globals } = dockerfile;
  for (const { keyword, line, pairs } of stage.settings) {
    // Within one instruction every value sees what was there before it.
    const variables = new Map([...args, ...env]);
    for (const pair of pairs) {
      if (keyword === "ARG") {
        const value = pair.value === undefined ? globals.get(pair.name) : expandWord(pair.value, variables, escapeSign).value;
        if (value !== undefined) {
          args.set(pair.name, value);
          if (!env.has(pair.name)) variables.set(pair.name, value);
        }
        continue;
      }
      const name = expandWord(pair.name, variables, escapeSign).value;
      const { value, missing, fault } = expandWord(pair.value ?? "", variables, escapeSign);
      if (keyword === "ENV") env.set(name, value);
      else labels.set(name, { name, value, line, missing, ...(fault === undefined ? {} : { fault }) });
    }
  }
  return { labels, env, complete };
}

function startOf(dockerfile: Dockerfile, stage: Stage, parentEnv: ParentEnv): StageState {
  switch (stage.base.kind) {
    case "scratch":
      return { labels: new Map(), env: new Map(), complete: true };
    case "stage":
      return resolveStage(dockerfile, dockerfile.stages[stage.base.index] as Stage, parentEnv);
    case "image": {
      const env = parentEnv(stage.image);
      return { labels: new Map(), env: new Map(Object.entries(env ?? {})), complete: env !== undefined };
    }
  }
}
