import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { listAttestations } from "../../../src/signing/list-attestations.ts";
import { predicateTypes } from "../../../src/signing/predicate-types.ts";
import { type AttestedRelease, attestedRelease } from "./attested-release.ts";

const run = promisify(execFile);
const repository = "f40/cockpit";

let at: AttestedRelease;
beforeAll(async () => {
  at = await attestedRelease();
}, 120_000);
afterAll(() => at?.stop());

/** Predicate types and verdicts, as `flibs attestations` tells them. */
async function listed(stage: "candidate" | "production", reference: string) {
  const keys = (["candidate", "production"] as const).map((registry) => ({ registry, keys: at.world.ports.attestationKeys.of(registry) }));
  const { attestations } = await listAttestations(at.world.clients[stage], repository, reference, keys);
  return attestations.map((one) => `${one.what} ${one.predicateType} ${one.message}`).toSorted();
}

const { provenance, spdx, cyclonedx, promotion } = predicateTypes;
const ofBuild = ["index", "linux/amd64", "linux/arm64"].flatMap((what) => [
  `${what} ${provenance} signed by the candidate key`,
  ...(what === "index" ? [] : [`${what} ${spdx} signed by the candidate key`, `${what} ${cyclonedx} signed by the candidate key`]),
]);
const ofRelease = [...ofBuild, `index ${promotion} signed by the production key`].toSorted();

test("RG9: what is attached to a candidate is attached to the release, in docker-registry, with the record of the promotion", async () => {
  expect(await listed("candidate", at.digest)).toEqual(ofBuild.toSorted());
  expect(await listed("production", "323-1.fc40")).toEqual(ofRelease);
  expect((await at.world.pull(repository, "latest")).exitCode).toBe(0);
});

test("attached again nothing is added, and the release that looks again writes nothing", async () => {
  expect((await at.attach()).map((one) => one.added)).toEqual(at.attached.map(() => false));
  const before = [...(await at.world.clients.production.listTags(repository))].toSorted();
  await at.world.scan(true);
  expect([...(await at.world.clients.production.listTags(repository))].toSorted()).toEqual(before);
  expect(at.world.reports.at(-1)?.lines.filter((line) => line.what === "unmanaged")).toEqual([]);
});

test("RG13: it survives garbage-collect -m in production", async () => {
  const file = join(at.directory, "collect.yml");
  const storage = JSON.stringify(at.world.servers.production.storage);
  await writeFile(file, `version: 0.1\nstorage: { filesystem: { rootdirectory: ${storage} } }\n`);
  await run("docker-registry", ["garbage-collect", "-m", file], { maxBuffer: 64 * 1024 * 1024 });
  const about = (await listed("production", at.digest)).filter((line) => line.startsWith("index"));
  expect(about).toEqual(ofRelease.filter((line) => line.startsWith("index")));
  for (const child of at.children) {
    const referrers = await at.world.clients.production.listReferrers(repository, child);
    expect(referrers).toHaveLength(3);
    for (const { digest } of referrers) expect(await at.world.clients.production.findManifest(repository, digest)).toBeDefined();
  }
});
