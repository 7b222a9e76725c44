import type { Command } from "commander";
import { formatBytes } from "../domain/amounts.ts";
import { appError } from "../domain/errors.ts";
import type { ImageAttestations, ListedAttestation } from "../signing/list-attestations.ts";
import { predicateTypes } from "../signing/predicate-types.ts";
import { exitCodes } from "./exit.ts";
import type { CommandContext } from "./program.ts";
import { formatTable, plain, type Terminal } from "./terminal.ts";

/** Asks one registry about one image; throws only when it cannot be asked. */
export interface AttestationsOf {
  list(): Promise<ImageAttestations>;
  /** What is attached as the artifact of that digest. */
  read(digest: ListedAttestation["digest"]): Promise<{ readonly blob: Uint8Array; readonly artifactType: string }>;
}

/** Works with the registry that the image is in, and ends the connection. */
export type WithAttestations = <T>(image: string, use: (attestations: AttestationsOf) => Promise<T>) => Promise<T>;

const tones = { signed: "good", unsigned: "faint", bad: "bad", foreign: "faint" } as const;

interface Options {
  readonly type?: string;
  readonly platform?: string;
  readonly print: boolean;
  readonly bundle: boolean;
  readonly verify: boolean;
  readonly json: boolean;
}

/** `attestations`: what stands beside an image and travels with it. */
export function addAttestationCommands(program: Command, context: CommandContext): void {
  const { terminal } = context;
  program
    .command("attestations")
    .argument("<image>", "registry/repository:tag or @digest, in a registry of the settings")
    .description("List what is attached to an image and its platforms, each signature verified, or print one of it")
    .option("--type <type>", `only of this predicate type: ${Object.keys(predicateTypes).join(", ")}, or a URI`)
    .option("--platform <name>", "only about this platform, as linux/arm64, or about the index")
    .option("--print", "print the statement of the one that is left; nothing that does not verify", false)
    .option("--bundle", "with --print: the sigstore bundle as it is attached", false)
    .option("--verify", "exit 1 when one is bad, or none is signed", false)
    .option("--json", "print JSON", false)
    .action(async (image: string, options: Options) => {
      const withAttestations = await context.withAttestations(await context.settings());
      await withAttestations(image, async (attestations) => {
        const all = await attestations.list();
        const shown = all.attestations.filter((one) => isWanted(one, options));
        if (options.print) terminal.out(shownOn(terminal, await readOne(attestations, shown, options.bundle)));
        else if (options.json) terminal.out(`${JSON.stringify({ image, ...all, attestations: shown }, null, 2)}\n`);
        else terminal.out(shown.length === 0 ? "nothing is attached\n" : formatList(context, shown));
        if (all.left > 0) terminal.err(`note: ${all.left} more were not looked at\n`);
        if (options.verify && !isVerified(shown)) context.exit(exitCodes.failed);
      });
    });
}

function isWanted(one: ListedAttestation, { type, platform }: Options): boolean {
  const wanted = type !== undefined && Object.hasOwn(predicateTypes, type) ? predicateTypes[type as keyof typeof predicateTypes] : type;
  return (wanted === undefined || one.predicateType === wanted) && (platform === undefined || one.what === platform);
}

function isVerified(shown: readonly ListedAttestation[]): boolean {
  return shown.some((one) => one.verdict === "signed") && shown.every((one) => one.verdict !== "bad");
}

function formatList({ terminal }: CommandContext, shown: readonly ListedAttestation[]): string {
  const rows = shown.map((one) => [
    { text: one.verdict === "bad" ? "BAD" : one.verdict, tone: tones[one.verdict] },
    one.what,
    one.predicateType ?? one.artifactType,
    one.size === undefined ? "" : formatBytes(one.size),
    one.digest,
    one.message,
  ]);
  return formatTable(terminal, ["", "ABOUT", "TYPE", "SIZE", "DIGEST", "SIGNATURE"], rows);
}

/** Throws `cli.usage` when there is not exactly one, or it must not be believed. */
async function readOne(attestations: AttestationsOf, shown: readonly ListedAttestation[], asBundle: boolean): Promise<string> {
  const [only, ...more] = shown.filter((one) => one.verdict === "signed" || one.verdict === "unsigned");
  if (only === undefined) {
    throw appError("cli.not-found", "nothing that can be believed is left to print", { hint: "Leave --print out to see what is there" });
  }
  if (more.length > 0) {
    throw appError("cli.usage", `${more.length + 1} are left to print`, { hint: "Add --type and --platform until there is one" });
  }
  const { blob, artifactType } = await attestations.read(only.digest);
  const { bundleType, parseBundle } = await import("../signing/sigstore-bundle.ts");
  const isStatement = artifactType === bundleType && !asBundle;
  return Buffer.from(isStatement ? parseBundle(blob).payload : blob).toString("utf8");
}

/** A terminal is not to be steered by what is printed on it; a file or another program gets the exact bytes. */
function shownOn(terminal: Terminal, text: string): string {
  return terminal.live ? `${plain(text)}\n` : text;
}
