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
  /** The fault is a bound of flibs and no mistake of writing. */
  readonly beyond?: true;
}

/** An ENV or ARG that is too long or too deep to be filled in: what uses it can't be known. */
export interface BeyondSetting {
  readonly keyword: "ENV" | "ARG";
  readonly name: string;
  readonly line: number;
  readonly fault: string;
}

/** ENV of a parent image; undefined when it was not read (yet). Keyed by the image as written. */
export type ParentEnv = (image: string) => Readonly<Record<string, string>> | undefined;

export interface ResolvedLabels {
  /** The last one of a name counts, as in Docker. Labels of the parent image are not among them. */
  readonly labels: ReadonlyMap<string, Label>;
  /** False when a parent's ENV was not known: variables missing then may still be defined there. */
  readonly complete: boolean;
  /** The first of its kind; the labels count for nothing then. */
  readonly beyond?: BeyondSetting;
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

/** The image that the last stage stands on, as written; undefined for `scratch`. */
export function baseImageOf({ stages }: Dockerfile): string | undefined {
  let stage = stages.at(-1);
  while (stage?.base.kind === "stage") stage = stages[stage.base.index];
  return stage?.base.kind === "image" ? stage.image : undefined;
}

/** Labels of the last stage and of the stages it is made from, with ENV and ARG filled in as the builder does it. Pure. */
export function resolveLabels(dockerfile: Dockerfile, parentEnv: ParentEnv): ResolvedLabels {
  const last = dockerfile.stages.at(-1) as Stage;
  const result = stateOf({ dockerfile, parentEnv, states: new Map() }, last);
  return { labels: result.labels, complete: result.complete, ...(result.beyond === undefined ? {} : { beyond: result.beyond }) };
}

/** What variables stand for at a setting of a stage: of the `count` settings before it and of all that the stage stands on. */
export type SettingsOf = (stage: Stage, count: number) => ReadonlyMap<string, string>;

/** Looks at each stage once, however many stand on it: for each anew, a long file would take the square of its stages. Pure. */
export function settingsReader(dockerfile: Dockerfile, parentEnv: ParentEnv): SettingsOf {
  const walk: Walk = { dockerfile, parentEnv, states: new Map() };
  return (stage, count) => resolveStage(walk, stage, count).variables;
}

/** One look at a Dockerfile, with what the stages came to so far, by their index. */
interface Walk {
  readonly dockerfile: Dockerfile;
  readonly parentEnv: ParentEnv;
  readonly states: Map<number, StageState>;
}

/** Shared with the stages that stand on it, so it never changes. */
interface StageState {
  readonly labels: ReadonlyMap<string, Label>;
  readonly env: ReadonlyMap<string, string>;
  /** ENV and ARG together, ENV before ARG. */
  readonly variables: ReadonlyMap<string, string>;
  readonly complete: boolean;
  readonly beyond?: BeyondSetting;
}

function stateOf(walk: Walk, stage: Stage): StageState {
  const known = walk.states.get(stage.index);
  if (known !== undefined) return known;
  const state = resolveStage(walk, stage, stage.settings.length);
  walk.states.set(stage.index, state);
  return state;
}

/** A stage up to that many of its settings. */
function resolveStage(walk: Walk, stage: Stage, count: number): StageState {
  const { complete, beyond, ...start } = startOf(walk, stage);
  const settings = stage.settings.slice(0, count);
  // Most stages set little: what they stand on is copied only where it changes.
  const has = (keyword: string) => settings.some((one) => one.keyword === keyword);
  const labels = has("LABEL") ? new Map(start.labels) : (start.labels as Map<string, Label>);
  const env = has("ENV") ? new Map(start.env) : (start.env as Map<string, string>);
  let first = beyond;
  // Kept along: made anew for each instruction, a long file would take the square of its length.
  const variables = has("ENV") || has("ARG") ? new Map(env) : env;
  const { escapeSign, globals } = walk.dockerfile;
  for (const { keyword, line, pairs } of settings) {
    if (keyword === "USER") continue;
    const changed = new Map<string, string>();
    for (const pair of pairs) {
      const name = keyword === "ARG" ? { value: pair.name } : expandWord(pair.name, variables, escapeSign);
      const given = pair.value === undefined ? undefined : expandWord(pair.value, variables, escapeSign);
      const fault = "beyond" in name ? name.fault : given?.fault;
      const isBeyond = "beyond" in name || given?.beyond === true;
      if (keyword === "LABEL") {
        const extra = { ...(fault === undefined ? {} : { fault }), ...(isBeyond ? { beyond: true as const } : {}) };
        labels.set(name.value, { name: name.value, value: given?.value ?? "", line, missing: given?.missing ?? [], ...extra });
        continue;
      }
      if (isBeyond) first ??= { keyword, name: pair.name, line, fault: fault ?? "" };
      const value = isBeyond ? "" : (given?.value ?? (keyword === "ENV" ? "" : globals.get(name.value)));
      if (keyword === "ENV") changed.set(name.value, value ?? "");
      else if (value !== undefined && !env.has(name.value)) variables.set(name.value, value);
    }
    // Within one ENV every value sees what was there before it.
    for (const [name, value] of changed) {
      env.set(name, value);
      variables.set(name, value);
    }
  }
  return { labels, env, variables, complete, ...(first === undefined ? {} : { beyond: first }) };
}

function startOf({ dockerfile, parentEnv, states }: Walk, stage: Stage): Omit<StageState, "variables"> {
  switch (stage.base.kind) {
    case "scratch":
      return { labels: new Map(), env: new Map(), complete: true };
    case "stage":
      return stateOf({ dockerfile, parentEnv, states }, dockerfile.stages[stage.base.index] as Stage);
    case "image": {
      const env = parentEnv(stage.image);
      return { labels: new Map(), env: new Map(Object.entries(env ?? {})), complete: env !== undefined };
    }
  }
}
