import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { parse } from "yaml";

const root = join(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const guide = read("docs/github.md");
const manifest: { default_permissions: Record<string, string>; default_events: string[] } = parse(read("app.yml"));

/** Cells of the table that begins with this heading, without the line under it. */
function table(heading: string): string[][] {
  const [, rows = ""] = guide.split(`| ${heading} |`);
  const lines = rows.split("\n\n")[0]?.split("\n").slice(2) ?? [];
  return lines.map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** `pull_requests` as GitHub's form calls it. */
function onForm(name: string): string {
  const words = name.replaceAll("_", " ");
  return `${words[0]?.toUpperCase()}${words.slice(1)}`;
}

test("the guide's permissions are those of app.yml, each with a reason", () => {
  const levels: Record<string, string> = { read: "read-only", write: "read and write" };
  expect(table("permission").map((row) => row.slice(0, 3))).toEqual(
    Object.entries(manifest.default_permissions).map(([name, level]) => [`\`${name}\``, level, `${onForm(name)}: ${levels[level]}`]),
  );
  expect(table("permission").every((row) => row.length === 4 && row[3] !== "")).toBe(true);
});

test("the guide's events are those of app.yml, each with a reason", () => {
  expect(table("event").map((row) => row.slice(0, 2))).toEqual(manifest.default_events.map((name) => [`\`${name}\``, onForm(name)]));
  expect(table("event").every((row) => row.length === 3 && row[2] !== "")).toBe(true);
});

test("the guide uses options of create-app that there are", () => {
  const help = read("docs/reference/commands.md").split("## flibs github create-app")[1]?.split("\n## ")[0] ?? "";
  const used = [...guide.matchAll(/^\$ .*github create-app.*$/gm)].flatMap(
    ([line]) => line.split("create-app")[1]?.match(/--[a-z-]+/g) ?? [],
  );
  expect(used).not.toEqual([]);
  for (const option of used) expect(help).toContain(`${option} `);
});
