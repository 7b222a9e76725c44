import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { proposePromotion } from "../../src/promotion/propose-promotion.ts";
import { commandScanner } from "../../src/promotion/scan/command-scanner.ts";
import type { Vulnerability } from "../../src/promotion/vulnerability-scanner.ts";
import { scratchDirectory } from "../support/scratch-directory.ts";
import { world } from "./world.ts";

const scratch = await scratchDirectory();
afterAll(() => scratch.remove());

/** A scanner as a site would write one. */
async function scannerOf(script: string, timeoutMs = 20_000, now = () => new Date()) {
  const program = join(scratch.path, "scan-images");
  await writeFile(program, `#!/bin/sh\n${script}\n`);
  await chmod(program, 0o755);
  return commandScanner({ command: [program, "--quiet"], timeoutMs, keepMs: 3_600_000, now });
}

const found: Vulnerability[] = [
  { id: "CVE-2026-1", package: "bash", severity: "medium", installed: "5.2-1" },
  { id: "CVE-2026-2", package: "openssl|`@all`", severity: "critical", installed: "3.0", fixed: "3.1" },
  { id: "CVE-2026-3", package: "zlib", severity: "high" },
];
const print = (all: readonly Vulnerability[]) => `cat <<'JSON'\n${JSON.stringify({ tool: "x", vulnerabilities: all })}\nJSON`;

async function bodyWith(scanner: NonNullable<Parameters<typeof proposePromotion>[0]["scanner"]>): Promise<string> {
  const at = world();
  await at.build({ id: "b1", release: "1.fc40" });
  await proposePromotion({ ...at.ports, scanner }, "b1");
  return at.git.pulls.at(-1)?.body ?? "";
}

test("what the site's scanner finds is told, what is severe at the top, nothing of it is markup", async () => {
  const body = await bodyWith({ ...(await scannerOf(print(found))), threshold: 4, fixableOnly: false });
  expect(body).toContain("**Attention: 2 vulnerabilities: `CVE-2026-2`, `CVE-2026-3`.**");
  expect(body).toContain("scan-images found 1 critical, 1 high, 1 medium. 2 are high or worse:");
  expect(body).toContain("| `CVE-2026-2` | critical | `openssl¦'@all'` | `3.0` | `3.1` |\n| `CVE-2026-3` | high | `zlib` | - | - |");
  expect(body).not.toContain("| `CVE-2026-1`");
});

test("only what is fixed somewhere, when the site wants it so; nothing severe is said as such", async () => {
  const fixable = await bodyWith({ ...(await scannerOf(print(found))), threshold: 4, fixableOnly: true });
  expect(fixable).toContain("1 is high or worse, of those that are fixed somewhere");
  expect(fixable).not.toContain("`CVE-2026-3`");
  const mild = await bodyWith({ ...(await scannerOf(print(found.slice(0, 1)))), threshold: 4, fixableOnly: false });
  expect(mild).toContain("found 1 medium. None of them is high or worse.");
  expect(await bodyWith({ ...(await scannerOf(print([]))), threshold: 0, fixableOnly: false })).toContain("scan-images found nothing.");
});

test.each([
  [
    "that fails",
    "echo progress >&2; echo 'no database' >&2; exit 3",
    /Not scanned: scan-images failed: scan-images ended with 3: no database/,
  ],
  ["that prints no JSON", "echo hello", /printed no JSON/],
  [
    "that prints something else",
    'echo \'{"vulnerabilities": [{"id": 1}]}\'',
    /printed something else than vulnerabilities: vulnerabilities.0/,
  ],
  ["that never ends", "exec sleep 60", /was ended after 1 s/],
])("a scanner %s keeps nothing back, and that nothing was scanned is said", async (_name, script, says) => {
  const body = await bodyWith({ ...(await scannerOf(script, 1000)), threshold: 4, fixableOnly: false });
  expect(body).toMatch(says);
  expect(body).toContain("### What merging does");
});

test("without one, the pull request says that nothing was scanned", async () => {
  const at = world();
  await at.build({ id: "b1", release: "1.fc40" });
  await proposePromotion(at.ports, "b1");
  expect(at.git.pulls.at(-1)?.body).toContain("### Vulnerabilities\n\nNot scanned: no scanner is set up.");
});

test("it is given the image by digest and no secret of ours, and asked once an hour for one image", async () => {
  const log = join(scratch.path, "log");
  process.env.FLIBS_TEST_SECRET = "hunter2";
  let now = Date.parse("2026-11-26T10:00:00Z");
  const scanner = await scannerOf(`echo "$@" >> ${log}; env >> ${log}; ${print([])}`, 20_000, () => new Date(now));
  const image = `c.test/f40/web@sha256:${"a".repeat(64)}`;
  await scanner.scan(image);
  await scanner.scan(image);
  now += 3_600_001;
  await scanner.scan(image);
  delete process.env.FLIBS_TEST_SECRET;
  const { readFile } = await import("node:fs/promises");
  const said = await readFile(log, "utf8");
  expect(said.split(`--quiet ${image}\n`)).toHaveLength(3);
  expect(said).not.toContain("hunter2");
});
