import type { Dockerfile, Setting, Stage } from "./dockerfile.ts";
import { type Expanded, expandWord, isBuilderVariable } from "./dockerfile-words.ts";

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

/** A label or USER of a stage that is not the same to each builder; what they make of it is for people to read. */
export interface UnclearSetting {
  readonly what: string;
  readonly line: number;
  readonly classic: string;
  readonly buildkit: string;
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

/**
 * Labels and users that depend on whether ENV counts over ARG, whether an ARG goes on in the stages that stand on its own one, or on what BuildKit sets by
 * itself: there the classic builder and BuildKit differ, and a site may have both. Pure.
 */
export function findUnclearSettings(dockerfile: Dockerfile, parentEnv: ParentEnv): readonly UnclearSetting[] {
  const walk: Walk = { dockerfile, parentEnv, states: new Map() };
  return dockerfile.stages.flatMap((stage) => stateOf(walk, stage).unclear);
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
  /** ENV and ARG together as the classic builder has them: ENV before ARG, and ARGs of this stage only. */
  readonly variables: Variables;
  /** As BuildKit has them: what was set last, of the stages that this one stands on, too. */
  readonly buildkit: Variables;
  /** Of this stage alone. */
  readonly unclear: readonly UnclearSetting[];
  readonly complete: boolean;
  readonly beyond?: BeyondSetting;
}

type Variables = ReadonlyMap<string, string>;

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
  const sets = has("ENV") || has("ARG");
  const variables = sets ? new Map(env) : env;
  const buildkit = sets ? new Map(start.buildkit) : (start.buildkit as Map<string, string>);
  const unclear: UnclearSetting[] = [];
  const { escapeSign, globals } = walk.dockerfile;
  for (const { keyword, line, pairs } of settings) {
    // Within one instruction every value sees what was there before it.
    const given = pairs.map((pair) => [fillIn(keyword, pair, variables, escapeSign), fillIn(keyword, pair, buildkit, escapeSign)] as const);
    for (const [{ name, value }, other] of given) {
      const fault = name.fault ?? value?.fault;
      const isBeyond = [name, value, other.name, other.value].some((one) => one?.beyond === true);
      if (keyword === "LABEL") {
        const extra = { ...(fault === undefined ? {} : { fault }), ...(isBeyond ? { beyond: true as const } : {}) };
        labels.set(name.value, { name: name.value, value: value?.value ?? "", line, missing: value?.missing ?? [], ...extra });
      }
      if (keyword === "LABEL" || keyword === "USER") {
        unclear.push(...compare("the name of a label", line, name, other.name));
        unclear.push(...compare(keyword === "USER" ? "USER" : `label "${name.value}"`, line, value, other.value));
        continue;
      }
      if (isBeyond) first ??= { keyword, name: name.value, line, fault: fault ?? other.value?.fault ?? "" };
      if (keyword === "ENV") {
        env.set(name.value, isBeyond ? "" : (value?.value ?? ""));
        variables.set(name.value, isBeyond ? "" : (value?.value ?? ""));
        buildkit.set(other.name.value, isBeyond ? "" : (other.value?.value ?? ""));
        continue;
      }
      const known = globals.get(name.value);
      if (!env.has(name.value)) set(variables, name.value, isBeyond ? "" : (value?.value ?? known));
      const isOwn = isBuilderVariable(name.value) && (value === undefined || name.value.startsWith("BUILDKIT_"));
      const last = isOwn ? `<${name.value}>` : (other.value?.value ?? known ?? buildkit.get(name.value));
      set(buildkit, name.value, isBeyond ? "" : last);
    }
  }
  return { labels, env, variables, buildkit, unclear, complete, ...(first === undefined ? {} : { beyond: first }) };
}

/** Name and value with their variables filled in; an ARG may have no value. */
function fillIn(keyword: Setting["keyword"], { name, value }: Setting["pairs"][number], known: Variables, escapeSign: string) {
  const plain: Expanded = { value: name, missing: [] };
  return {
    name: keyword === "ARG" ? plain : expandWord(name, known, escapeSign),
    value: value === undefined ? undefined : expandWord(value, known, escapeSign),
  };
}

function compare(what: string, line: number, one: Expanded | undefined, other: Expanded | undefined): readonly UnclearSetting[] {
  return one?.value === other?.value ? [] : [{ what, line, classic: one?.value ?? "", buildkit: other?.value ?? "" }];
}

function set(variables: Map<string, string>, name: string, value: string | undefined): void {
  if (value === undefined) variables.delete(name);
  else variables.set(name, value);
}

function startOf({ dockerfile, parentEnv, states }: Walk, stage: Stage): Omit<StageState, "variables" | "unclear"> {
  switch (stage.base.kind) {
    case "scratch":
      return { labels: new Map(), env: new Map(), buildkit: new Map(), complete: true };
    case "stage":
      return stateOf({ dockerfile, parentEnv, states }, dockerfile.stages[stage.base.index] as Stage);
    case "image": {
      const known = parentEnv(stage.image);
      const env = new Map(Object.entries(known ?? {}));
      return { labels: new Map(), env, buildkit: env, complete: known !== undefined };
    }
  }
}
