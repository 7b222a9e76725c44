import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";

/** Runs in which everything comes up once. */
export const turns = 4;

/**
 * Files that do not come up in each turn: they show again, in every form there is, what others show in one. About the same time each. The story of a
 * pull request is told in each: on GitHub in bad weather, on both forges, in their demos.
 */
export const filesOfTurn = {
  1: [
    "test/crash/promotion-crash.test.ts",
    "test/e2e/github-loss.test.ts",
    "test/e2e/service-waits.test.ts",
    "test/intake/commands/find-commands.test.ts",
    "test/real/engines/hostile-builds.test.ts",
  ],
  2: [
    "test/distgit/hostile.test.ts",
    "test/e2e/github.test.ts",
    "test/gating/parse-yaml-apart.test.ts",
    "test/real/engines/disk-limit.test.ts",
    "test/real/engines/registries.test.ts",
    "test/real/faults/registry-faults.test.ts",
    "test/real/forge/probot.test.ts",
    "test/real/gating/sti-bounds.test.ts",
    "test/real/setup/setup-cosign.test.ts",
    "test/real/setup/setup-decides.test.ts",
    "test/real/signing/openpgp-signer.test.ts",
  ],
  3: [
    "test/e2e/demo-doubles.test.ts",
    "test/programs/run-program.test.ts",
    "test/real/builds/contents.test.ts",
    "test/real/gating/sti-isolation.test.ts",
    "test/real/gating/structure.test.ts",
    "test/real/registry/copy-under-faults.test.ts",
  ],
  4: [
    "test/e2e/pagure.test.ts",
    "test/e2e/service-work.test.ts",
    "test/distgit/man-page.test.ts",
    "test/documents/documents.test.ts",
    "test/real/builds/rpm-image.test.ts",
    "test/real/demo/base-image.test.ts",
    "test/real/faults/signing-faults.test.ts",
    "test/real/gating/sti-runner.test.ts",
    "test/real/network/closed-network.test.ts",
    "test/real/promotion/state-table.test.ts",
    "test/real/store/embedded-postgres.test.ts",
  ],
};

/**
 * What FLIBS_TEST_TURN asks for: a number; `next`, of four commits after each other each another one; nothing or `all`, which is undefined. Throws for
 * anything else.
 */
export function readTurn(wanted, countCommits = commits) {
  if (wanted === undefined || wanted === "" || wanted === "all") return undefined;
  if (wanted === "next") return (countCommits() % turns) + 1;
  if (Object.hasOwn(filesOfTurn, wanted)) return Number(wanted);
  throw new Error(`FLIBS_TEST_TURN=${wanted}: it can be 1 to ${turns}, next, or all`);
}

/** Files that wait for another turn. */
export function waitingFiles(turn) {
  return Object.entries(filesOfTurn).flatMap(([one, files]) => (turn === undefined || Number(one) === turn ? [] : files));
}

/** Patterns of them, for jest. */
export function waitingPatterns(turn) {
  return waitingFiles(turn).map((file) => `/${file.replaceAll(".", "\\.")}$`);
}

/** True for one turn in `turns`, for the same one whenever it is asked with this name. */
export function isOnTurn(turn, name) {
  return turn === undefined || (createHash("sha256").update(name).digest()[0] ?? 0) % turns === turn - 1;
}

/** A tree without history, an unpacked archive for example, has one. */
function commits() {
  try {
    return Number(execFileSync("git", ["rev-list", "--count", "HEAD"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  } catch {
    return 0;
  }
}
