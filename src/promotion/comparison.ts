import type { BuildRecord, BuiltImage } from "../builds/build-record.ts";
import type { Digest } from "../domain/digest.ts";
import { escapeCode, escapeText } from "./escape.ts";
import { diffConfig, diffRpms, lostPlatforms, type RpmChange } from "./image-diff.ts";
import type { ImageTree } from "./image-tree.ts";

/** What users have under a release's tag. */
export interface Released {
  readonly tag: string;
  readonly digest: Digest;
  /** Undefined when it was not built here. */
  readonly build?: BuildRecord;
  /** Undefined when its bytes can't be read. */
  readonly tree?: ImageTree;
}

/** Stands where rows were left out. */
export const restMark = "more; the build's page has them all";

/** The section on packages: what differs, what is older first, at most `most` lines for each platform. Pure. */
export function formatPackages(current: Released | undefined, build: BuildRecord, most: number): string {
  if (!current)
    return `### Packages\n\n${build.images.map((image) => `${escapeCode(image.platform)}: ${image.rpms.length} packages`).join("; ")}. Nothing to compare with.`;
  if (!current.build) return "### Packages\n\nNot compared: the current release was not built here, so its packages are unknown.";
  const parts = build.images.map((image) => {
    const old = current.build?.images.find((one) => one.platform === image.platform);
    if (!old) return `${escapeCode(image.platform)}: ${image.rpms.length} packages, nothing to compare with.`;
    const diff = diffRpms(old.rpms, image.rpms);
    const { upgraded, downgraded, added, removed } = diff;
    const counts = `${upgraded.length} upgraded, ${downgraded.length} downgraded, ${added.length} added, ${removed.length} removed`;
    const rows = [
      ...downgraded.map((one) => rpmRow("**downgraded**", one)),
      ...removed.map((one) => rpmRow("removed", one)),
      ...added.map((one) => rpmRow("added", one)),
      ...upgraded.map((one) => rpmRow("upgraded", one)),
    ];
    if (rows.length === 0) return `${escapeCode(image.platform)}: the same ${image.rpms.length} packages.`;
    const rest = rows.length > most ? [`\n… and ${rows.length - most} ${restMark}`] : [];
    const table = ["| package | | before | after |", "|---|---|---|---|", ...rows.slice(0, most), ...rest].join("\n");
    // A short list is read at once; a long one is opened by those who want it.
    if (rows.length <= 15) return `${escapeCode(image.platform)}: ${counts}\n\n${table}`;
    return `<details><summary>${escapeText(image.platform)}: ${counts}</summary>\n\n${table}\n\n</details>`;
  });
  return `### Packages\n\n${parts.join("\n\n")}`;
}

function rpmRow(what: string, change: RpmChange): string {
  return `| ${escapeCode(change.name)} | ${what} | ${escapeCode(change.before ?? "")} | ${escapeCode(change.after ?? "")} |`;
}

/** The section on the configuration, at most `most` lines. Pure. */
export function formatConfigs(current: Released | undefined, build: BuildRecord, most: number): string {
  const olds: readonly BuiltImage[] | undefined = current?.build?.images;
  if (!olds)
    return `### Configuration\n\n${current ? "Not compared: the current release was not built here." : describeConfig(build.images)}`;
  const lost = lostPlatforms(olds, build.images).map((platform) => `**Lost platform: ${escapeCode(platform)}**`);
  const rows = new Map<string, string[]>();
  for (const image of build.images) {
    const old = olds.find((one) => one.platform === image.platform);
    for (const change of old ? diffConfig(old.config, image.config) : []) {
      const row = `${escapeText(change.field)} | ${escapeCode(change.before)} | ${escapeCode(change.after)}${change.warning ? ` **${change.warning}**` : ""} |`;
      rows.set(row, [...(rows.get(row) ?? []), image.platform]);
    }
  }
  if (rows.size === 0) return ["### Configuration", ...lost, "No difference."].join("\n\n");
  const table = [...rows]
    .slice(0, most)
    .map(([row, where]) => `| ${where.length === build.images.length ? "all" : escapeText(where.join(", "))} | ${row}`);
  const rest = rows.size > most ? `\n… and ${rows.size - most} more` : "";
  return [
    "### Configuration",
    ...lost,
    `${["| platform | field | before | after |", "|---|---|---|---|", ...table].join("\n")}${rest}`,
  ].join("\n\n");
}

/** What a first reviewer wants to know; images of several platforms rarely differ here. */
function describeConfig(images: readonly BuiltImage[]): string {
  const shown = (pick: (image: BuiltImage) => string) =>
    [...new Set(images.map(pick))]
      .slice(0, 8)
      .map((text) => escapeCode(text))
      .join(", ");
  return [
    "| field | value |",
    "|---|---|",
    `| User | ${shown(({ config }) => config.user || "root")} |`,
    `| Entrypoint | ${shown(({ config }) => JSON.stringify(config.entrypoint))} |`,
    `| Cmd | ${shown(({ config }) => JSON.stringify(config.cmd))} |`,
    `| ExposedPorts | ${shown(({ config }) => [...config.exposedPorts].sort().join(" "))} |`,
    `| Volumes | ${shown(({ config }) => [...config.volumes].sort().join(" "))} |`,
  ].join("\n");
}
