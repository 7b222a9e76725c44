import type { BuiltImage, InstalledRpm } from "../builds/build-record.ts";
import type { ImageConfig } from "../engines/engine.ts";
import { compareEvr, formatEvr } from "./rpm-version.ts";

/** `name.arch` of every package that differs; several versions of one name (kernels, keys) are joined. */
export interface RpmDiff {
  readonly upgraded: readonly RpmChange[];
  readonly downgraded: readonly RpmChange[];
  readonly added: readonly RpmChange[];
  readonly removed: readonly RpmChange[];
}

export interface RpmChange {
  readonly name: string;
  readonly before?: string;
  readonly after?: string;
}

/** Pure; sorted by name. Two versions that rpm takes for equal but that are written differently count as upgraded. */
export function diffRpms(before: readonly InstalledRpm[], after: readonly InstalledRpm[]): RpmDiff {
  const [old, now] = [byName(before), byName(after)];
  const diff = { upgraded: [] as RpmChange[], downgraded: [] as RpmChange[], added: [] as RpmChange[], removed: [] as RpmChange[] };
  for (const name of [...new Set([...old.keys(), ...now.keys()])].sort()) {
    const [x, y] = [old.get(name), now.get(name)];
    if (!x && y) diff.added.push({ name, after: join(y) });
    else if (x && !y) diff.removed.push({ name, before: join(x) });
    else if (x && y && join(x) !== join(y)) {
      const order = compareEvr(x.at(-1) as InstalledRpm, y.at(-1) as InstalledRpm);
      diff[order > 0 ? "downgraded" : "upgraded"].push({ name, before: join(x), after: join(y) });
    }
  }
  return diff;
}

function byName(rpms: readonly InstalledRpm[]): Map<string, InstalledRpm[]> {
  const map = new Map<string, InstalledRpm[]>();
  for (const rpm of rpms) {
    const name = rpm.arch === undefined ? rpm.name : `${rpm.name}.${rpm.arch}`;
    const list = map.get(name);
    if (list) list.push(rpm);
    else map.set(name, [rpm]);
  }
  for (const list of map.values()) list.sort(compareEvr);
  return map;
}

/** The kernel may stand there three times; hundreds of one name are somebody's joke. */
const mostOfOneName = 50;

function join(rpms: readonly InstalledRpm[]): string {
  const left = rpms.length - mostOfOneName;
  return `${rpms.slice(0, mostOfOneName).map(formatEvr).join(", ")}${left > 0 ? ` and ${left} more` : ""}`;
}

export interface ConfigChange {
  readonly field: string;
  readonly before: string;
  readonly after: string;
  /** Something that a reviewer must not miss: root, a port that was not open. */
  readonly warning?: string;
}

/** Pure: everything of the configuration that differs, and what should worry. */
export function diffConfig(before: ImageConfig, after: ImageConfig): readonly ConfigChange[] {
  const changes: ConfigChange[] = [];
  const add = (field: string, x: string, y: string, warning?: string) => {
    if (x !== y) changes.push({ field, before: x, after: y, ...(warning === undefined ? {} : { warning }) });
  };
  const becameRoot = isRoot(after.user) && !isRoot(before.user);
  add("User", before.user, after.user, becameRoot ? "the image now runs as root" : undefined);
  for (const [field, key] of [
    ["Entrypoint", "entrypoint"],
    ["Cmd", "cmd"],
  ] as const)
    add(field, JSON.stringify(before[key]), JSON.stringify(after[key]));
  add("WorkingDir", before.workingDir, after.workingDir);
  add("StopSignal", before.stopSignal, after.stopSignal);
  for (const [field, key] of [
    ["ExposedPorts", "exposedPorts"],
    ["Volumes", "volumes"],
  ] as const) {
    const isNew = key === "exposedPorts" ? after[key].filter((one) => !before[key].includes(one)).sort() : [];
    const warning = isNew.length === 0 ? undefined : isNew.length === 1 ? "a new port" : `${isNew.length} new ports`;
    add(field, [...before[key]].sort().join(" "), [...after[key]].sort().join(" "), warning);
  }
  changes.push(...diffRecord("Env", variables(before.env), variables(after.env)), ...diffRecord("Label", before.labels, after.labels));
  return changes;
}

function isRoot(user: string): boolean {
  return /^(|0+|root)(:.*)?$/.test(user);
}

function variables(env: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    env.map((line) => (line.includes("=") ? [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)] : [line, ""])),
  );
}

function diffRecord(
  kind: string,
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): readonly ConfigChange[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name) => {
    const [x, y] = [Object.hasOwn(before, name) ? before[name] : undefined, Object.hasOwn(after, name) ? after[name] : undefined];
    return x === y ? [] : [{ field: `${kind} ${name}`, before: x ?? "", after: y ?? "" }];
  });
}

/** Platforms that the current release has and the new one lost. */
export function lostPlatforms(before: readonly BuiltImage[], after: readonly BuiltImage[]): readonly string[] {
  return before.map((image) => image.platform).filter((platform) => !after.some((image) => image.platform === platform));
}
