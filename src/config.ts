import { z } from "zod";
import { appError } from "./domain/errors.ts";
import { isVerb, verbs } from "./domain/verbs.ts";
import { NetworkSettings } from "./network-settings.ts";

/** A secret is named, never written: an environment variable or a file whose trimmed content it is. */
export const Secret = z.union([
  z.strictObject({ env: z.string().min(1).describe("Name of the environment variable that holds the secret") }),
  z.strictObject({ file: z.string().min(1).describe("Path of the file whose trimmed content is the secret") }),
]);
export type Secret = z.infer<typeof Secret>;

const duration = (fallback: string, text: string) =>
  z
    .string()
    .regex(/^\d+(ms|s|m|h|d)$/, "write a number and ms, s, m, h or d, as in 30m")
    .default(fallback)
    .describe(text);
const size = (fallback: string, text: string) =>
  z
    .string()
    .regex(/^\d+(KiB|MiB|GiB)$/, "write a number and KiB, MiB or GiB, as in 512MiB")
    .default(fallback)
    .describe(text);

const RegistrySettings = z.strictObject({
  endpoint: z.string().describe("host[:port] that flibs and the engine push to"),
  publicName: z.string().optional().describe("host[:port] that users type and signatures name; the endpoint when left out"),
  plainHttp: z.boolean().default(false).describe("Talk HTTP instead of HTTPS; only for registries on this machine"),
  username: z.string().optional().describe("Name for basic or token authentication; anonymous when left out"),
  password: Secret.optional().describe("Password or robot token that goes with the name"),
});

export const Settings = z.strictObject({
  stateDirectory: z
    .string()
    .default("var/flibs")
    .describe("Where the embedded database, working copies and the lookaside stand; relative to the settings file"),
  database: z
    .strictObject({
      url: Secret.optional().describe(
        "PostgreSQL connection string; flibs starts its own PostgreSQL below the state directory when neither this nor DATABASE_URL is given",
      ),
    })
    .prefault({})
    .describe("The only store"),
  web: z
    .strictObject({
      listen: z.string().default("127.0.0.1:8080").describe("Address and port of the web server; port 0 takes a free one"),
      publicUrl: z.url().optional().describe("What links in statuses and comments start with; http://<listen> when left out"),
      maxBodyBytes: z.number().int().positive().default(26_214_400).describe("Largest delivery that is taken; GitHub sends up to 25 MiB"),
    })
    .prefault({})
    .describe("Inbox, pages, health, metrics"),
  forge: z
    .discriminatedUnion("kind", [
      z.strictObject({
        kind: z.literal("local").describe("Plain git repositories on this machine"),
        directory: z
          .string()
          .describe("Directory that holds the bare repositories as <namespace>/<name>.git; relative to the settings file"),
        hookSecrets: z.array(Secret).min(1).max(2).describe("Secrets that sign deliveries; two while one is being replaced"),
        admins: z
          .array(z.string())
          .default([])
          .describe("People who may do everything; all others who can write to the repositories may write"),
      }),
      z.strictObject({
        kind: z.literal("github").describe("A GitHub App; docs/github.md makes one"),
        appId: z.number().int().positive().describe("The App's id"),
        privateKey: Secret.describe("The App's private key: PEM, PEM with \\n for line ends, or base64 of it"),
        webhookSecrets: z.array(Secret).min(1).max(2).describe("Secrets that sign deliveries; two while one is being replaced"),
        baseUrl: z
          .url({ protocol: /^https?$/ })
          .default("https://api.github.com")
          .describe("REST API; https://HOST/api/v3 for GitHub Enterprise Server"),
      }),
    ])
    .describe("Where the repositories are"),
  containers: z
    .strictObject({
      namespace: z.string().default("containers").describe("Namespace whose repositories are built"),
      branches: z
        .array(z.string())
        .default(["main", "rawhide", "f*", "epel*"])
        .describe("Branches whose pushes are built; * stands for any letters but /"),
    })
    .prefault({})
    .describe("What is built"),
  manifests: z
    .strictObject({
      repository: z.string().describe("The registry-manifest repository, namespace/name"),
      branch: z.string().default("main").describe("Merging into this branch releases"),
    })
    .describe("Where promotions are proposed and released from"),
  commands: z
    .strictObject({
      prefix: z
        .string()
        .regex(/^[a-z][a-z0-9-]{0,30}$/, "write a word in lower case")
        .refine((word) => !isVerb(word), { error: `${verbs.join(", ")} are commands themselves; write another word` })
        .default("flibs")
        .describe("Word that may stand before a command in a comment: /flibs build"),
      prefixOnly: z.boolean().default(false).describe("Leave /build without the prefix to other bots"),
      replies: z
        .enum(["quiet", "outcomes", "all"])
        .default("quiet")
        .describe(
          "quiet: a comment is answered only when something is refused or wrong, or help was asked for; outcomes: what was started, too",
        ),
    })
    .prefault({})
    .describe("Commands in comments of pull requests"),
  registries: z
    .strictObject({ candidate: RegistrySettings, production: RegistrySettings })
    .describe("Every successful build goes to candidate; merged promotions go to production"),
  parents: z
    .strictObject({
      allowed: z
        .array(
          z.strictObject({
            prefix: z
              .string()
              .describe("Beginning of allowed parent names, ending at a slash or a whole repository: registry.fedoraproject.org/"),
            mirror: z.string().optional().describe("host[:port][/path] that stands in for the prefix; asked first"),
            plainHttp: z.boolean().default(false).describe("Talk HTTP to it"),
          }),
        )
        .default([{ prefix: "registry.fedoraproject.org/", plainHttp: false }])
        .describe("Registries that FROM may name, first match counts"),
    })
    .prefault({})
    .describe("Base images"),
  engine: z
    .discriminatedUnion("kind", [
      z.strictObject({
        kind: z.literal("docker").describe("Docker Engine"),
        socket: z.string().default("/var/run/docker.sock").describe("Docker Engine's socket"),
      }),
    ])
    .prefault({ kind: "docker" })
    .describe("Where builds and tests run"),
  network: NetworkSettings,
  limits: z
    .strictObject({
      builds: z.number().int().positive().default(2).describe("Builds at a time"),
      buildTime: duration("3h", "Longest build of one platform"),
      testTime: duration("15m", "Longest test suite"),
      memory: size("2GiB", "Memory of one build or test container"),
      processes: z.number().int().positive().default(1024).describe("Processes in one build or test container"),
      context: size("512MiB", "Largest repository tree that is sent to the engine"),
      log: size("64MiB", "Longest log of one build or test"),
    })
    .prefault({})
    .describe("Limits of builds and tests"),
  signing: z
    .strictObject({
      gnupgHome: z
        .string()
        .describe("GnuPG home directory with both keys (or agents for them); relative to the settings file; keep the path short"),
      candidateKey: z.string().describe("Full fingerprint of the primary key for candidates"),
      productionKey: z.string().describe("Full fingerprint of the primary key for production; must differ"),
      lookaside: z
        .string()
        .default("lookaside")
        .describe("Directory of the signatures, served below /lookaside/; relative to the state directory"),
    })
    .describe("OpenPGP signing"),
  sweeps: z
    .strictObject({
      forge: duration("30s", "How often flibs looks for pushes and merges whose delivery was lost"),
      release: duration("10m", "How often production is compared with the registry manifests although nothing was merged"),
      deliveries: duration("10m", "How often the forge's own record of deliveries is read for those that never arrived"),
      statuses: duration("10m", "How often statuses that a run of the last day left behind are mended"),
    })
    .prefault({})
    .describe("Webhooks are hints; sweeps find what was missed"),
  log: z
    .strictObject({ level: z.enum(["trace", "debug", "info", "warn", "error"]).default("info").describe("Least level that is logged") })
    .prefault({})
    .describe("Logs of the service"),
});
export type Settings = z.infer<typeof Settings>;

/** The local forge's settings, for what only it has. Throws `config.invalid` on another forge. */
export function localForgeOf({ forge }: Pick<Settings, "forge">): Extract<Settings["forge"], { kind: "local" }> {
  if (forge.kind === "local") return forge;
  throw appError("config.invalid", `the forge is ${forge.kind}, this is for the local one`, { hint: "Use the forge's own pages" });
}

/** `30m` to milliseconds. */
export function durationMs(text: string): number {
  const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  const [, number = "0", unit = "ms"] = /^(\d+)(ms|s|m|h|d)$/.exec(text) ?? [];
  return Number(number) * (units[unit] ?? 1);
}

/** `512MiB` to bytes. */
export function sizeBytes(text: string): number {
  const units: Record<string, number> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };
  const [, number = "0", unit = "KiB"] = /^(\d+)(KiB|MiB|GiB)$/.exec(text) ?? [];
  return Number(number) * (units[unit] ?? 1);
}
