import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Digest } from "../../../src/domain/digest.ts";
import { predicateTypes } from "../../../src/signing/predicate-types.ts";
import { makeCosignKey } from "../../support/cosign-key.ts";
import { type AttestedRelease, attestedRelease } from "../promotion/attested-release.ts";

const run = promisify(execFile);

/** Not on every machine: scripts/setup says why it could not be had. */
function isInstalled(program: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const emptyRoot = {
  mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
  ...{ tlogs: [], certificateAuthorities: [], ctlogs: [], timestampAuthorities: [] },
};

let at: AttestedRelease;
const files = { root: "", candidate: "", production: "", other: "" };

beforeAll(async () => {
  at = await attestedRelease();
  files.root = join(at.directory, "root.json");
  await writeFile(files.root, JSON.stringify(emptyRoot));
  const keys = {
    candidate: at.world.stages.candidate.cosign.publicPem,
    production: at.world.stages.production.cosign.publicPem,
    other: makeCosignKey().publicPem,
  };
  for (const [name, pem] of Object.entries(keys)) {
    files[name as keyof typeof keys] = join(at.directory, `${name}.pub`);
    await writeFile(files[name as keyof typeof keys], pem);
  }
}, 120_000);
afterAll(() => at?.stop());

/** As docs/attestations.md tells people to; nothing may be asked of the network. Returns the exit code. */
async function verify(stage: "candidate" | "production", digest: Digest, type: string, key: "candidate" | "production" | "other") {
  const image = `${at.world.names[stage]}/f40/cockpit@${digest}`;
  const args = ["verify-attestation", "--new-bundle-format", "--trusted-root", files.root, "--insecure-ignore-tlog=true"];
  const environment = { ...process.env, HTTPS_PROXY: "http://127.0.0.1:1", NO_PROXY: "127.0.0.1", HOME: at.directory };
  const all = [...args, "--allow-http-registry", "--type", type, "--key", files[key], image];
  return await run("cosign", all, { env: environment, maxBuffer: 64 * 1024 * 1024 }).then(
    ({ stdout }) => ({ code: 0, said: stdout }),
    (error: { code: number; stderr: string }) => ({ code: error.code, said: error.stderr }),
  );
}

const here = isInstalled("cosign");
const judged = here ? describe : describe.skip;

judged(`cosign verify-attestation${here ? "" : " (cosign is not installed, see scripts/setup)"}`, () => {
  test.each([
    { stage: "candidate" as const, about: "index" as const, type: "slsaprovenance1" },
    { stage: "candidate" as const, about: "platform" as const, type: "spdxjson" },
    { stage: "candidate" as const, about: "platform" as const, type: "cyclonedx" },
    { stage: "production" as const, about: "index" as const, type: "slsaprovenance1" },
    { stage: "production" as const, about: "platform" as const, type: "slsaprovenance1" },
    { stage: "production" as const, about: "platform" as const, type: predicateTypes.spdx },
    { stage: "production" as const, about: "platform" as const, type: predicateTypes.cyclonedx },
  ])("takes $type of the $about in $stage by the candidate key, and by no other", async ({ stage, about, type }) => {
    const digest = about === "index" ? at.digest : (at.children[1] as Digest);
    expect(await verify(stage, digest, type, "candidate")).toMatchObject({ code: 0 });
    expect((await verify(stage, digest, type, "other")).code).not.toBe(0);
    expect((await verify(stage, digest, type, "production")).code).not.toBe(0);
  });

  test("takes the promotion record by the production key, and by no other", async () => {
    const { code, said } = await verify("production", at.digest, predicateTypes.promotion, "production");
    expect({ code, said }).toMatchObject({ code: 0 });
    expect((await verify("production", at.digest, predicateTypes.promotion, "candidate")).code).not.toBe(0);
    expect((await verify("candidate", at.digest, predicateTypes.promotion, "production")).code).not.toBe(0);
  });

  test("finds nothing of a type that is not attached", async () => {
    expect((await verify("production", at.digest, "spdxjson", "candidate")).code).not.toBe(0);
  });
});
