import type { Command } from "commander";
import type { TaggedBuild } from "../builds/destination-tags.ts";
import type { Target } from "../builds/targets.ts";
import { formatAge } from "../domain/amounts.ts";
import { appError } from "../domain/errors.ts";
import { formatNvr } from "../domain/nvr.ts";
import type { Client } from "./client.ts";
import type { CommandContext } from "./program.ts";
import { formatTable, type Terminal } from "./terminal.ts";

/** `targets`, `tags`, `list-tagged`: Koji's words for which product a build is of. */
export function addTargetCommands(program: Command, context: CommandContext): void {
  const { terminal } = context;

  program
    .command("targets")
    .description("List the build targets of the settings")
    .option("--json", "print JSON", false)
    .action(async (options: { json: boolean }) => {
      const { targets } = await context.settings();
      terminal.out(options.json ? `${JSON.stringify(targets, null, 2)}\n` : formatTargets(terminal, targets));
    });

  program
    .command("tags")
    .description("List the destination tags, and how many builds are in them")
    .option("--json", "print JSON", false)
    .action(async (options: { json: boolean }) => {
      await context.withClient(async (client) => {
        const tags = await readTags(client);
        if (options.json) return terminal.out(`${JSON.stringify(tags, null, 2)}\n`);
        const rows = tags.map(({ tag, builds, targets }) => [tag, String(builds), targets.join(", ") || "-"]);
        terminal.out(tags.length === 0 ? "no destination tags\n" : formatTable(terminal, ["TAG", "BUILDS", "TARGETS"], rows));
      });
    });

  program
    .command("list-tagged")
    .argument("<tag>", "a destination tag")
    .description("List the latest build of each component in a destination tag, like koji list-tagged --latest")
    .option("--all", "every build, newest first", false)
    .option("--latest", "only the latest build of each component, which is done anyway", false)
    .option("--json", "print JSON", false)
    .action(async (tag: string, options: { all: boolean; latest: boolean; json: boolean }) => {
      if (options.all && options.latest) throw appError("cli.usage", "--all and --latest exclude each other");
      await context.withClient(async (client) => {
        const tags = await readTags(client);
        if (!tags.some((one) => one.tag === tag)) {
          throw appError("cli.not-found", `No such tag: ${tag.slice(0, 200)}`, {
            hint:
              tags.length === 0 ? "There are none; targets in the settings name them" : `There is ${tags.map((one) => one.tag).join(", ")}`,
          });
        }
        const builds = await client.destinationTags.listTagged(tag, { latest: !options.all });
        terminal.out(options.json ? `${JSON.stringify(builds, null, 2)}\n` : formatTagged(terminal, builds, context.now()));
      });
    });
}

/** Those of the settings, and those that builds were tagged into before. */
async function readTags({ settings, destinationTags }: Client) {
  const used = await destinationTags.listTags();
  const names = new Set([...settings.targets.map((one) => one.destinationTag), ...used.map((one) => one.tag)]);
  return [...names].toSorted().map((tag) => ({
    tag,
    builds: used.find((one) => one.tag === tag)?.builds ?? 0,
    targets: settings.targets.filter((one) => one.destinationTag === tag).map((one) => one.name),
  }));
}

function formatTargets(terminal: Terminal, targets: readonly Target[]): string {
  if (targets.length === 0) return "no targets\n";
  const rows = targets.map((target) => [
    target.name,
    target.branches.join(", ") || "-",
    `${target.destinationTag}${target.locked ? " (locked)" : ""}`,
    target.architectures?.join(", ") ?? "all",
  ]);
  return formatTable(terminal, ["TARGET", "BRANCHES", "DESTINATION TAG", "ARCHITECTURES"], rows);
}

function formatTagged(terminal: Terminal, builds: readonly TaggedBuild[], now: number): string {
  if (builds.length === 0) return "no builds yet\n";
  const rows = builds.map((one) => [formatNvr(one.nvr), one.tag, one.requestedBy, formatAge(one.taggedAt, now), one.build]);
  return formatTable(terminal, ["BUILD", "TAG", "BUILT BY", "TAGGED", "ID"], rows);
}
