import { type AppError, appError } from "../domain/errors.ts";
import { type Platform, rpmArchitecture } from "../domain/platform.ts";

/** What must be the same of a package on every platform. */
export interface Component {
  readonly name: string;
  readonly version: string;
  readonly release: string;
  /** Id of the key that signed it; left out for an unsigned one. */
  readonly keyId?: string | undefined;
}

export interface ComponentsOfImage {
  readonly platform: Platform;
  readonly rpms: readonly Component[];
}

/** One package that is not the same everywhere: what each platform that has it has of it. */
export interface ComponentDifference {
  readonly name: string;
  readonly found: readonly { readonly platform: Platform; readonly packages: readonly string[] }[];
}

/**
 * As Atomic Reactor's `compare_components`: a package that is on several platforms must have the same version, release and signature on each. One
 * that only some platforms have is nothing to complain of. Several versions of one package (kernels) are compared as a set. Pure; sorted by name.
 */
export function compareComponents(images: readonly ComponentsOfImage[], exceptions: readonly string[]): readonly ComponentDifference[] {
  const excepted = new Set(exceptions);
  const byName = new Map<string, { readonly platform: Platform; readonly packages: Set<string> }[]>();
  for (const { platform, rpms } of images) {
    for (const rpm of rpms) {
      // Keys that rpm trusts stand in its database like packages, and differ without harm.
      if (rpm.name === "gpg-pubkey" || excepted.has(rpm.name)) continue;
      const found = byName.get(rpm.name) ?? [];
      byName.set(rpm.name, found);
      const last = found.at(-1);
      const own = last?.platform === platform ? last : { platform, packages: new Set<string>() };
      if (own !== last) found.push(own);
      own.packages.add(describe(rpm));
    }
  }
  return [...byName]
    .map(([name, found]) => ({ name, found: found.map(({ platform, packages }) => ({ platform, packages: [...packages].sort() })) }))
    .filter(({ found }) => new Set(found.map(({ packages }) => packages.join("\n"))).size > 1)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function describe({ version, release, keyId }: Component): string {
  return `${version}-${release} ${keyId === undefined ? "unsigned" : `signed by ${keyId}`}`;
}

/** For the log: one package a paragraph, one platform a line. */
export function formatDifferences(differences: readonly ComponentDifference[]): string {
  const lines = differences.flatMap(({ name, found }) => [
    `Comparison mismatch for component rpm ${name}:`,
    ...found.map(({ platform, packages }) => `  ${rpmArchitecture(platform)}: ${packages.join(", ")}`),
  ]);
  return lines.map((line) => `${line}\n`).join("");
}

/** Most that one line of a status should have to name. */
const maxNamed = 20;

/** Undefined when nothing differs. */
export function componentsError(differences: readonly ComponentDifference[]): AppError | undefined {
  if (differences.length === 0) return undefined;
  const named = differences.slice(0, maxNamed).map(({ name }) => name);
  const more = differences.length > maxNamed ? ` and ${differences.length - maxNamed} more` : "";
  return appError("builds.components-differ", `Failed component comparison for components: ${named.join(", ")}${more}`, {
    hint: "Build again when all architectures have the same packages, or let operators add the names to components.mayDiffer",
    details: { differences: differences.slice(0, 200) },
  });
}
