import { expect, test } from "@jest/globals";
import type { Digest } from "../../src/domain/digest.ts";
import { checkPromotionFlow } from "../../src/promotion/check-promotion-flow.ts";
import { proposePromotion } from "../../src/promotion/propose-promotion.ts";
import { releaseFlow } from "../../src/promotion/release-flow.ts";
import { manifests, run, world } from "./world.ts";

/** Tags that stand in production before anybody released them: who may push there without a key has them stand, and no more. */

type World = ReturnType<typeof world>;
const path = "images/f40/cockpit.yaml";
const image = "f40/cockpit";
const tag = "323-9.fc40";
const mainText = (at: World) => at.git.read(at.git.branches.get("main") ?? "")[path] ?? "";
const release = (at: World) => run(releaseFlow(at.ports), { repository: manifests, registry: "production", path, commit: "hint" });
const incomplete = { code: "promotion.release-incomplete" };

/** `323-1.fc40` is released; a stranger's image stands in production as `323-9.fc40` and as `9`. */
async function standing() {
  const at = world();
  await at.build({ id: "b1", release: "1.fc40" });
  const proposed = await proposePromotion(at.ports, "b1");
  if (!("number" in proposed)) throw new Error(proposed.outcome);
  at.git.merge(proposed.number);
  await release(at);
  const stranger = await at.production.push(image, "stranger", ["linux/amd64"]);
  for (const name of [tag, "9"]) at.production.tags.set(`${image}:${name}`, stranger.digest);
  const text = mainText(at)
    .replace("floating:", `  "${tag}":\n    digest: ${stranger.digest}\n    build: "b9"\nfloating:`)
    .replace(/^ {2}"?latest"?:/m, (latest) => `  "9": "${tag}"\n${latest}`);
  return { at, digest: stranger.digest as Digest, text };
}

async function judge(at: World, text: string) {
  at.git.branches.set("topic", at.git.branches.get("main") ?? "");
  const head = at.git.commit("topic", { [path]: text });
  const number = at.git.openPull("topic");
  await run(checkPromotionFlow(at.ports), { repository: manifests, number, head });
  return { number, status: at.git.statuses.get(`${head} flibs / promotion`) };
}

const signedNames = (at: World, digest: Digest) =>
  at.signers.production.signed.filter((one) => one.digest === digest).map((one) => one.publicName);

test("CK7 a new release is checked also when production has its tag at its digest already", async () => {
  const { at, text } = await standing();
  const { status } = await judge(at, text);
  expect(status).toMatchObject({ state: "failure", summary: expect.stringMatching(/there is no build b9[^\n]*\(CK7\)/) });
});

test("nor does it help to add it as withdrawn first, which nothing is asked about", async () => {
  const { at, digest, text } = await standing();
  const gone = text.replace(`  "9": "${tag}"\n`, "");
  at.git.commit("main", { [path]: `${gone}withdrawn:\n  "${tag}":\n    reason: "not yet"\n    by: "alice"\n` });
  await release(at);
  expect((await judge(at, text)).status).toMatchObject({ state: "failure", summary: expect.stringContaining("there is no build b9") });
  at.git.commit("main", { [path]: text });
  await expect(release(at)).rejects.toMatchObject(incomplete);
  expect(signedNames(at, digest)).toEqual([]);
});

test("and pushed past the check, neither it nor what floats to it is signed", async () => {
  const { at, digest, text } = await standing();
  at.git.commit("main", { [path]: text });
  await expect(release(at)).rejects.toMatchObject(incomplete);
  expect(signedNames(at, digest)).toEqual([]);
  expect(at.reports.at(-1)?.lines.map((line) => `${line.tag} ${line.what}`)).toEqual([
    ...["323-1.fc40 ok", `${tag} refused`],
    ...["323 ok", "9 refused", "latest ok"],
  ]);
  // However often it is looked at: what was refused is not remembered as done.
  await expect(release(at)).rejects.toMatchObject(incomplete);
  expect(signedNames(at, digest)).toEqual([]);
});

test("a build that a killed release had tagged and signed is not judged a second time", async () => {
  const { at } = await standing();
  const build = await at.build({ id: "b2", release: "2.fc40" });
  const proposed = await proposePromotion(at.ports, "b2");
  if ("number" in proposed) at.git.merge(proposed.number);
  await expect(
    run(releaseFlow(at.ports), { repository: manifests, registry: "production", path, commit: "hint" }, new Map(), ">tag 323-2.fc40"),
  ).rejects.toThrow("killed");
  expect(at.production.tags.get(`${image}:323-2.fc40`)).toBe(build.digest);
  at.builds.delete("b2");
  await release(at);
  expect(at.production.tags.get(`${image}:latest`)).toBe(build.digest);
});

test("a withdrawal that is taken back needs no build that is long gone, in the pull request nor in the release", async () => {
  const { at } = await standing();
  const digest = at.builds.get("b1")?.digest as Digest;
  const before = mainText(at);
  const withdrawn = `${before.replace(/floating:.*/s, "")}withdrawn:\n  "323-1.fc40":\n    reason: "CVE"\n    by: "alice"\n`;
  at.git.commit("main", { [path]: withdrawn });
  await release(at);
  expect(signedNames(at, digest)).toEqual([]);
  at.builds.clear();
  const { number, status } = await judge(at, before);
  expect(status).toMatchObject({ state: "success" });
  at.git.merge(number);
  await release(at);
  expect(signedNames(at, digest)).toHaveLength(3);
});

test("signatures that are lost are made anew, although a build's record is long gone", async () => {
  const { at } = await standing();
  const digest = at.builds.get("b1")?.digest as Digest;
  at.builds.clear();
  for (const one of [...at.signers.production.signed]) await at.signers.production.removeSignatures(one);
  await release(at);
  expect(signedNames(at, digest).toSorted()).toEqual(
    ["323", "323-1.fc40", "latest"].map((name) => `registry.example.test/${image}:${name}`),
  );
});
