import { execFileSync } from "node:child_process";
import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { endAgent } from "../../support/gnupg.ts";
import { startTokenIssuer } from "../registry/token-issuer.ts";
import { type FaultWorld, faultWorld } from "./fault-world.ts";

// What signs goes away, what is signed into is full, what lets us in gives up: the release stops before any tag, and goes on when it is back.
let at: FaultWorld;

jest.setTimeout(240_000);
beforeAll(async () => {
  at = await faultWorld();
}, 120_000);
afterAll(() => at.stop());

/** Without those of what is attached, which stand before the image has a name. */
const liveTags = async (image: string) => (await at.at.clients.production.listTags(image)).filter((tag) => !tag.startsWith("sha256-"));

test("a lookaside without room holds everything up, and goes on when there is some", async () => {
  const merged = await at.merge();
  const lookaside = at.at.lookasides.production;
  // Directories and the files of some signatures fit, not those of all.
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=28k", "tmpfs", lookaside]);
  try {
    let full = 0;
    const { tries, endings, violations } = await at.release(merged, async () => {
      full += 1;
      expect(await liveTags(merged.image)).toEqual([]);
      if (full === 2) execFileSync("mount", ["-o", "remount,size=16m", lookaside]);
    });
    expect(tries).toBe(3);
    expect({ endings, violations }).toEqual({ endings: ["done"], violations: [] });
    expect(await at.audit(merged.image)).toEqual([]);
    expect(await at.at.pull(merged.image, "latest", ["--all"])).toMatchObject({ exitCode: 0 });
    // Nothing is left of what did not fit.
    expect(await readdir(join(lookaside, ".locks"))).toEqual([]);
  } finally {
    execFileSync("umount", [lookaside]);
  }
});

test("DG19: a signing key that is gone writes no tag; when it is back, the next look releases", async () => {
  const merged = await at.merge();
  const keys = join(at.at.gnupgHome, "private-keys-v1.d");
  await rename(keys, `${keys}.away`);
  await endAgent(at.at.gnupgHome);
  const first = await at.release(merged);
  expect(first).toMatchObject({ endings: ["failed"], violations: [], tagsWritten: 0 });
  expect(await liveTags(merged.image)).toEqual([]);
  expect((await at.audit(merged.image)).every((line) => line.includes(" missing: "))).toBe(true);
  await rm(keys, { recursive: true, force: true });
  await rename(`${keys}.away`, keys);
  await endAgent(at.at.gnupgHome);
  const second = await at.release(merged);
  expect(second).toMatchObject({ endings: ["done"], violations: [] });
  expect(await at.audit(merged.image)).toEqual([]);
});

test("DG19: an agent that is ended again and again in the middle of signing", async () => {
  const merged = await at.merge();
  let ended = 0;
  const ending = setInterval(() => {
    ended += 1;
    endAgent(at.at.gnupgHome).catch(() => {});
  }, 150);
  try {
    let { endings, violations } = await at.release(merged);
    // What an agent that vanished between two words made final is for the next look.
    if (endings[0] !== "done") ({ endings, violations } = await at.release(merged));
    clearInterval(ending);
    if (endings[0] !== "done") ({ endings, violations } = await at.release(merged));
    expect({ endings, violations }).toEqual({ endings: ["done"], violations: [] });
  } finally {
    clearInterval(ending);
  }
  expect(ended).toBeGreaterThan(3);
  expect(await at.audit(merged.image)).toEqual([]);
});

test("DG8: tokens that the registry takes for two seconds only, whatever their issuer promised", async () => {
  const credential = { username: "robot", password: "robot's secret" };
  const issuer = await startTokenIssuer(credential, 2);
  const strict = await faultWorld({ auth: { config: issuer.config, ...credential } });
  try {
    const merged = await strict.merge();
    const before = issuer.issued();
    const { endings, violations } = await strict.release(merged);
    expect({ endings, violations }).toEqual({ endings: ["done"], violations: [] });
    // Two scopes would do, were they taken for as long as they were promised.
    expect(issuer.issued() - before).toBeGreaterThan(3);
    expect(await strict.audit(merged.image)).toEqual([]);
  } finally {
    await strict.stop();
    await issuer.close();
  }
});
