import type { Command } from "commander";
import { exitCodes } from "./exit.ts";
import type { CommandContext } from "./program.ts";
import { formatTable } from "./terminal.ts";

/** One digest of an image under the name that was asked about. */
export interface VerifiedDigest {
  readonly digest: string;
  /** `index`, or the platform. */
  readonly what: string;
  readonly ok: boolean;
  /** `signed by …`, or why not. */
  readonly message: string;
}

export interface Verification {
  readonly image: string;
  readonly ok: boolean;
  readonly digests: readonly VerifiedDigest[];
}

/** Asks the registry and the lookaside; throws only when one of them cannot be asked. */
export type VerifyImage = (image: string, stage: "candidate" | "production") => Promise<Verification>;

/** `verify`. */
export function addVerifyCommand(program: Command, context: CommandContext): void {
  const { terminal } = context;
  program
    .command("verify")
    .argument("<image>", "registry/repository:tag as users type it")
    .description("Check that an image and each of its platforms are signed for exactly this name")
    .option("--candidate", "with the candidate key instead of production's", false)
    .option("--json", "print JSON", false)
    .action(async (image: string, options: { candidate: boolean; json: boolean }) => {
      const verify = await context.verifyImage(await context.settings());
      const verification = await verify(image, options.candidate ? "candidate" : "production");
      if (options.json) terminal.out(`${JSON.stringify(verification, null, 2)}\n`);
      else {
        const rows = verification.digests.map((line) => [
          { text: line.ok ? "ok" : "BAD", tone: line.ok ? ("good" as const) : ("bad" as const) },
          line.what,
          line.digest,
          line.message,
        ]);
        terminal.out(formatTable(terminal, ["", "WHAT", "DIGEST", "SIGNATURE"], rows));
      }
      if (!verification.ok) context.exit(exitCodes.failed);
    });
}
