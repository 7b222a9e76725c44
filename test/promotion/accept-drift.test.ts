import { describe, expect, test } from "@jest/globals";
import type { Digest } from "../../src/domain/digest.ts";
import { acceptDrift, findDrift } from "../../src/promotion/accept-drift.ts";
import { lookAtRepositories } from "../../src/promotion/look-at-repositories.ts";
import { proposePromotion } from "../../src/promotion/propose-promotion.ts";
import { releaseFlow } from "../../src/promotion/release-flow.ts";
import { manifests, run, world } from "./world.ts";

const image = "f40/cockpit";
const path = `images/${image}.yaml`;

async function drifted() {
  const at = world(["linux/amd64"], ["mirror"]);
  const { digest } = await at.build({ id: "b1", release: "1.fc40" });
  const proposed = await proposePromotion(at.ports, "b1");
  if (!("number" in proposed)) throw new Error(proposed.outcome);
  at.git.merge(proposed.number);
  const release = (registry = "production") => run(releaseFlow(at.ports), { repository: manifests, registry, path, commit: "hint" });
  await release();
  await release("mirror");
  const stranger = await at.production.push(image, "stranger", ["linux/amd64"]);
  const move = (tag: string, to: Digest) => at.production.tags.set(`${image}:${tag}`, to);
  move("latest", stranger.digest);
  const latest = () => at.production.tags.get(`${image}:latest`);
  return { at, release, move, latest, stranger: stranger.digest, wanted: digest as Digest };
}

describe("RL7: an owner accepts a drift", () => {
  test("it is shown first, then the tag is moved from exactly there, and the report says who allowed it", async () => {
    const { at, release, latest, stranger, wanted } = await drifted();
    await expect(release()).rejects.toThrow(/latest drift/);
    const drifts = await findDrift(at.ports, { imageRepository: image, tag: "latest" });
    expect(drifts).toEqual([{ registry: "production", imageRepository: image, tag: "latest", found: stranger, wanted }]);
    expect(latest()).toBe(stranger);
    await acceptDrift(at.ports, drifts, "alice", "key");
    expect(at.started.at(-1)).toMatchObject({ flow: "release", subject: `release production ${path}` });
    await release();
    expect(latest()).toBe(wanted);
    expect(at.reports.at(-1)?.lines.find((line) => line.tag === "latest")).toMatchObject({
      what: "moved",
      message: expect.stringContaining("alice accepted"),
    });
  });

  test("moved once more by a stranger it is drift again", async () => {
    const { at, release, move, latest } = await drifted();
    await acceptDrift(at.ports, await findDrift(at.ports, { imageRepository: image, tag: "latest" }), "alice", "key");
    const other = await at.production.push(image, "another", ["linux/amd64"]);
    move("latest", other.digest);
    await expect(release()).rejects.toThrow(/latest drift/);
    expect(latest()).toBe(other.digest);
  });

  test("an immutable tag that was moved cannot be accepted, nor one that stands right, nor in a registry where it does not drift", async () => {
    const { at, release, move, stranger } = await drifted();
    move("323-1.fc40", stranger);
    const find = (tag: string, registry?: string) => findDrift(at.ports, { imageRepository: image, tag, registry });
    for (const tag of ["323-1.fc40", "323", "nothing"]) await expect(find(tag)).rejects.toMatchObject({ code: "promotion.no-drift" });
    await expect(find("latest", "mirror")).rejects.toMatchObject({ code: "promotion.no-drift" });
    await expect(findDrift(at.ports, { imageRepository: "../x", tag: "latest" })).rejects.toMatchObject({
      code: "promotion.image-unknown",
    });
    await at.ports.releases.saveAcceptedDrift({
      registry: "production",
      imageRepository: image,
      tag: "323-1.fc40",
      digest: stranger,
      by: "mallory",
    });
    await expect(release()).rejects.toThrow(/323-1.fc40 tag-move/);
  });
});

describe("RG12: a hint at repositories", () => {
  test("starts a release of those that were released there, none twice while one waits", async () => {
    const { at } = await drifted();
    const before = at.started.length;
    expect(await lookAtRepositories(at.ports, "production", ["f40/unknown", image])).toHaveLength(1);
    expect(at.started.slice(before).map((one) => one.subject)).toEqual([`release production ${path}`]);
    at.runs.push({ ...(at.started.at(-1) as never as object), flow: "release", status: "queued" } as never);
    expect(await lookAtRepositories(at.ports, "production", [image])).toEqual([]);
    expect(await lookAtRepositories(at.ports, "elsewhere", [image])).toEqual([]);
  });
});
