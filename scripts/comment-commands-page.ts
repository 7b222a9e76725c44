import type { CommandSpec } from "../src/intake/commands/command-spec.ts";
import { commandList, permissionTable } from "../src/intake/commands/commands.ts";
import { formatNeed, formatPlaces, usageOf } from "../src/intake/commands/help-text.ts";

/** `docs/reference/commands-in-comments.md`, from the specs that the bot reads with. */
export function formatCommentCommandsPage(): string {
  return [
    "# Commands in comments",
    "",
    "Made from `src/intake/commands/`; do not edit. A comment on a pull request may ask flibs for something:",
    "",
    "```text",
    "Thanks, this looks good.",
    "",
    "/build --arch amd64",
    "```",
    "",
    "- A command is a line of a paragraph that begins with `/` and a verb. Code, quotes, lists, tables, headings, links, HTML, HTML comments and text",
    "  inside `<details>` are left alone: that is where commands are shown, not said. Editing a comment does nothing.",
    "- Up to ten commands in a comment are carried out in order. Slash words that are none of these are left to other bots.",
    "- Options are `--name value`, `--name=value` or `name=value`; `'…'`, `\"…\"` and `\\` quote as in a shell. `--` ends the options.",
    "- With a prefix in the settings, `/flibs build` is the same as `/build`; with `prefixOnly` it is the only way.",
    "",
    "## Who may do what",
    "",
    "| command | pull requests of | least permission | in |",
    "| --- | --- | --- | --- |",
    ...permissionTable.map(
      ({ verb, places, level, on }) =>
        `| \`/${verb}\` | ${places.join(", ")} | ${level} | ${on === "here" ? "the repository" : "the registry-manifest repository"} |`,
    ),
    "",
    "What comes from somebody without write access is built and tested only after `/ok-to-test <sha>` for exactly the head commit, with its whole id; each push",
    "needs a new approval. That holds whoever asks: a comment does not tell which commit its author has seen.",
    "",
    ...commandList.flatMap(section),
  ].join("\n");
}

function section(spec: CommandSpec): readonly string[] {
  const rows = [
    ...spec.arguments.map(({ name, help }) => `| \`${name}\` | ${help} |`),
    ...spec.options.map(({ name, help }) => `| \`--${name}\` | ${help} |`),
  ];
  return [
    `## ${usageOf(spec, "/")}`,
    "",
    `${spec.summary}. ${spec.details}`,
    "",
    ...(rows.length === 0 ? [] : ["| | |", "| --- | --- |", ...rows, ""]),
    `Who: ${formatNeed(spec)}. Where: ${formatPlaces(spec)}.`,
    "",
    "```text",
    ...spec.examples.map((example) => `/${example}`),
    "```",
    "",
  ];
}
