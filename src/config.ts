import { z } from "zod";
import { contentSettings } from "./config-contents.ts";
import { age, duration } from "./config-durations.ts";
import { gatingSetting } from "./config-gating.ts";
import { PagureSettings } from "./config-pagure.ts";
import { promotionsSetting } from "./config-promotions.ts";
import { registriesSetting } from "./config-registries.ts";
import { scannerSetting } from "./config-scanner.ts";
import { Secret } from "./config-secret.ts";
import { checkKeys, SigningSettings } from "./config-signing.ts";
import { appError } from "./domain/errors.ts";
import type { Platform } from "./domain/platform.ts";
import { isVerb, verbs } from "./domain/verbs.ts";
import { NetworkSettings } from "./network-settings.ts";

const sizeText = z.string().regex(/^\d+(KiB|MiB|GiB)$/, "write a number and KiB, MiB or GiB, as in 512MiB");
const size = (fallback: string, text: string) => sizeText.default(fallback).describe(text);

const kojiName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$/, "write at most 100 letters, digits and . _ + -");

const EngineSettings = z
  .strictObject({
    kind: z.literal("docker").describe("Docker Engine"),
    name: z
      .string()
      .regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, "write small letters, digits and single dashes")
      .max(40)
      .default("docker")
      .describe("What builds remember it by; keep it while builds are under way"),
    host: z
      .string()
      .regex(
        /^(?:unix:\/\/\/.+|ssh:\/\/(?:[A-Za-z0-9_][\w.-]*@)?(?:[A-Za-z0-9][\w.-]*|\[[0-9a-fA-F:]+\])(?::\d{1,5})?|tcp:\/\/(?:[A-Za-z0-9][\w.-]*|\[[0-9a-fA-F:]+\]):\d{1,5})$/,
        "write unix:///path/of/docker.sock, ssh://user@host or tcp://host:2376",
      )
      .default("unix:///var/run/docker.sock")
      .describe(
        "Its socket on this machine, another machine by ssh (as docker itself does: ssh host docker system dial-stdio), or its TLS port",
      ),
    tls: z
      .strictObject({
        ca: z.string().describe("PEM file of the authority that signed the engine's certificate; relative to the settings file"),
        cert: z.string().describe("PEM file of our certificate; relative to the settings file"),
        key: z.string().describe("PEM file of its key; relative to the settings file"),
      })
      .optional()
      .describe("For tcp://, which is never used without: whoever reaches a Docker Engine is root there"),
    platforms: z
      .array(
        z
          .string()
          .regex(/^[a-z0-9]+\/[a-z0-9_]+(?:\/[a-z0-9]+)?$/, "write it as in linux/arm64")
          .transform((text) => text as Platform),
      )
      .min(1)
      .optional()
      .describe(
        "What it builds and tests for; its own platform when left out. More than that needs emulation (qemu-user), which flibs doctor tries",
      ),
    slots: z.number().int().positive().default(2).describe("Builds of one platform that it works on at a time; the others wait"),
    builder: z
      .enum(["auto", "buildkit", "classic"])
      .default("auto")
      .describe(
        "auto: BuildKit where buildCgroup holds it to limits, else the classic builder; buildkit: also without limits, which hands the machine to whoever may start a build",
      ),
    buildCgroup: z
      .string()
      .regex(/^(?:\/[A-Za-z0-9_][A-Za-z0-9_.-]*)+$/, "write it as in /flibs-builds")
      .optional()
      .describe(
        "The --cgroup-parent of a dockerd on this machine that is kept for builds; flibs makes it and sets limits.memory, limits.processes and limits.cpus times slots there",
      ),
    keepCache: sizeText
      .optional()
      .describe("BuildKit's cache beyond this is removed now and then, whoever made it; the engine decides when left out"),
  })
  .refine(({ host, tls }) => host.startsWith("tcp://") === (tls !== undefined), {
    error: "tcp:// needs tls, and nothing else takes it",
    path: ["tls"],
  })
  .refine(({ host, buildCgroup }) => buildCgroup === undefined || host.startsWith("unix://"), {
    error: "flibs can make a cgroup on this machine only: host must be unix://",
    path: ["buildCgroup"],
  })
  .refine(({ builder, buildCgroup }) => buildCgroup === undefined || builder !== "classic", {
    error: "the classic builder has limits of its own: leave buildCgroup out",
    path: ["buildCgroup"],
  });

export const Settings = z
  .strictObject({
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
        PagureSettings,
      ])
      .describe("Where the repositories are"),
    containers: z
      .strictObject({
        namespace: z.string().default("containers").describe("Namespace whose repositories are built"),
        branches: z
          .array(z.string())
          .default(["main", "rawhide", "f*", "epel*"])
          .describe("Branches whose pushes are built; * stands for any letters but /"),
        newerPush: z
          .enum(["replace", "replace-waiting", "queue"])
          .default("replace")
          .describe(
            "What a push does to builds of earlier commits of its branch. replace: cancels them; replace-waiting: those that have begun end first; queue: all are built in turn",
          ),
      })
      .prefault({})
      .describe("What is built"),
    targets: z
      .array(
        z.strictObject({
          name: kojiName.describe("What container-build --target takes, as f42-container-candidate; also in the build's unique tag"),
          branches: z
            .array(z.string())
            .default([])
            .describe("Branches whose builds get this target when they name none, the first that fits; * stands for any letters but /"),
          destinationTag: kojiName.describe("Complete builds are tagged into it; flibs list-tagged shows them"),
          locked: z.boolean().default(false).describe("Refuse builds, but for scratch builds"),
          architectures: z
            .array(z.string())
            .min(1)
            .optional()
            .describe("What is built for, as x86_64; every architecture that the engine serves when left out"),
        }),
      )
      .refine((targets) => new Set(targets.map((one) => one.name)).size === targets.length, { error: "two targets have the same name" })
      .default([])
      .describe("Koji's build targets: for which product a build is made"),
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
    promotions: promotionsSetting,
    gating: gatingSetting,
    scanner: scannerSetting,
    registries: registriesSetting,
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
        digestMismatch: z
          .enum(["fail", "warn"])
          .default("fail")
          .describe("A base image that says it is a build made here, and has other images than that build"),
      })
      .prefault({})
      .describe("Base images"),
    ...contentSettings,
    engines: z
      .array(EngineSettings)
      .min(1)
      .refine((engines) => new Set(engines.map(({ name }) => name)).size === engines.length, { error: "two engines have one name" })
      .prefault([{ kind: "docker" }])
      .describe("Where builds and tests run; each platform is built on one of those that serve it"),
    network: NetworkSettings,
    limits: z
      .strictObject({
        builds: z
          .number()
          .int()
          .positive()
          .optional()
          .describe(
            "Runs of builds, and of tests, that one flibs works on at a time; half as many again as all engines have slots when left out, so that slots need not wait",
          ),
        buildTime: duration("3h", "Longest build of one platform"),
        testTime: duration("15m", "Longest test suite"),
        memory: size("2GiB", "Memory of one build or test container"),
        processes: z.number().int().positive().default(1024).describe("Processes in one build or test container"),
        cpus: z
          .number()
          .positive()
          .optional()
          .describe("Processors that one build or test container may use, as in 1.5; all when left out"),
        disk: size(
          "20GiB",
          "What one build or test may write on its engine's disk, looked at every few seconds; RUN lines of BuildKit can't be looked at",
        ),
        image: sizeText.optional().describe("Largest image of one platform, uncompressed; any size when left out"),
        context: size("512MiB", "Largest repository tree that is sent to the engine"),
        log: size("64MiB", "Longest log of one build or test"),
        logRetention: age("180d", "How long logs are kept after their end; records of builds and their documents stay for good"),
      })
      .prefault({})
      .describe("Limits of builds and tests"),
    components: z
      .strictObject({
        mayDiffer: z
          .array(z.string())
          .default([])
          .describe("Names of RPMs that need not have the same version, release and signature on all platforms of a build"),
      })
      .prefault({})
      .describe("Comparison of the platforms of one build"),
    signing: SigningSettings,
    sweeps: z
      .strictObject({
        forge: duration("30s", "How often flibs looks for pushes and merges whose delivery was lost"),
        release: duration("10m", "How often production is compared with the registry manifests although nothing was merged"),
        audit: age(
          "6h",
          "How often everything that was released is compared with registries and signatures, and made good where that can be",
        ),
        deepAudit: age("7d", "How often that look also reads every manifest and asks for every layer"),
        deliveries: duration("10m", "How often the forge's own record of deliveries is read for those that never arrived"),
        promotions: duration("1m", "How often promotions that were held back are looked at again"),
        statuses: duration("10m", "How often statuses that a run of the last day left behind are mended"),
      })
      .prefault({})
      .describe("Webhooks are hints; sweeps find what was missed"),
    log: z
      .strictObject({ level: z.enum(["trace", "debug", "info", "warn", "error"]).default("info").describe("Least level that is logged") })
      .prefault({})
      .describe("Logs of the service"),
  })
  .refine(
    ({ network, engines }) => network.mode !== "closed" || (engines.length === 1 && engines[0]?.host.startsWith("unix://") === true),
    {
      error: "flibs can close the network of one engine on this machine only: name one with unix://, or choose network.mode none",
      path: ["engines"],
    },
  )
  .superRefine(checkKeys);
export type Settings = z.infer<typeof Settings>;

/** The local forge's settings, for what only it has. Throws `config.invalid` on another forge. */
export function localForgeOf({ forge }: Pick<Settings, "forge">): Extract<Settings["forge"], { kind: "local" }> {
  if (forge.kind === "local") return forge;
  throw appError("config.invalid", `the forge is ${forge.kind}, this is for the local one`, { hint: "Use the forge's own pages" });
}

/** `512MiB` to bytes. */
export function sizeBytes(text: string): number {
  const units: Record<string, number> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };
  const [, number = "0", unit = "KiB"] = /^(\d+)(KiB|MiB|GiB)$/.exec(text) ?? [];
  return Number(number) * (units[unit] ?? 1);
}
