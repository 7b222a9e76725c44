import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf } from "../src/domain/digest.ts";
import { silentLog } from "../src/log.ts";
import { openGnupgHome } from "../src/signing/openpgp/gnupg-home.ts";
import { openpgpSigner } from "../src/signing/openpgp/openpgp-signer.ts";
import { gnupgHome, makeKey } from "../test/support/gnupg.ts";

/** Nine signatures: one two-platform image (index and two manifests) under three tags. Target: at most 0.5 s. */
const rounds = 7;
const keys = await gnupgHome();
const fingerprint = await makeKey(keys.path, "Bench");
const lookaside = await mkdtemp(join(tmpdir(), "flibs-bench-"));
const home = openGnupgHome({ directory: keys.path, timeoutMs: 20_000, agent: true });
const options = { stage: "candidate", creator: "flibs bench", timeoutMs: 20_000, log: silentLog, now: () => new Date() };
const signer = openpgpSigner({ ...options, gnupgHome: home, keys: [{ fingerprint, use: "sign" }], lookaside });
const never = new AbortController().signal;

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}
const fresh: number[] = [];
const again: number[] = [];
for (let round = 0; round < rounds; round++) {
  const signables = ["index", "amd64", "arm64"].flatMap((what) =>
    ["1-1", "1", "latest"].map((tag) => ({ digest: digestOf(`${what} ${round}`), publicName: `registry.example.test/f40/cockpit:${tag}` })),
  );
  fresh.push(await seconds(() => signer.ensureSigned(signables, never)));
  again.push(await seconds(() => signer.ensureSigned(signables, never)));
}
const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const line = `signing: nine signatures ${median(fresh).toFixed(3)} s (first ${fresh[0]?.toFixed(3)} s), found again ${median(again).toFixed(3)} s; target 0.5 s\n`;
process.stdout.write(line);
await signer.close();
await home.close();
await keys.remove();
await rm(lookaside, { recursive: true });
