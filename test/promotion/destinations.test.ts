import { describe, expect, test } from "@jest/globals";
import { appError } from "../../src/domain/errors.ts";
import { proposePromotion } from "../../src/promotion/propose-promotion.ts";
import { releaseFlow } from "../../src/promotion/release-flow.ts";
import { findDue, planReleases, startReleases } from "../../src/promotion/release-scan-flow.ts";
import { manifests, run, world } from "./world.ts";

const image = "f40/cockpit";
const path = `images/${image}.yaml`;

async function merged(at: ReturnType<typeof world>) {
  await at.build({ id: "b1", release: "1.fc40" });
  const proposed = await proposePromotion(at.ports, "b1");
  if (!("number" in proposed)) throw new Error(proposed.outcome);
  return { number: proposed.number, merge: at.git.merge(proposed.number) };
}

const release = (at: ReturnType<typeof world>, registry: string) =>
  run(releaseFlow(at.ports), { repository: manifests, registry, path, commit: "hint" });

describe("several destinations", () => {
  test("each gets a run, tags, signatures of its own name, and a status and a comment of its own", async () => {
    const at = world(["linux/amd64"], ["mirror"]);
    const { number, merge } = await merged(at);
    expect(at.git.pulls[0]?.body).toContain("mirror.example.test/f40/cockpit:latest");
    const { runs } = await startReleases(at.ports, false, "scan 1");
    expect(runs).toHaveLength(2);
    expect(at.started.map((one) => one.subject)).toEqual([`release production ${path}`, `release mirror ${path}`]);
    for (const registry of ["production", "mirror"]) {
      await release(at, registry);
      expect([...(at.all[registry]?.tags.keys() ?? [])].sort()).toEqual([`${image}:323`, `${image}:323-1.fc40`, `${image}:latest`]);
      expect(at.git.statuses.get(`${merge} flibs / release to ${registry} (${image})`)?.state).toBe("success");
      const blob = at.reconciled.get(`${registry} ${path}`)?.blob;
      expect(at.git.comments.get(`#${number} release ${registry} ${path} ${blob}`)).toContain(`is released to ${registry}`);
    }
    expect(new Set(at.allSigners.get("mirror")?.signed.map((one) => one.publicName.split("/")[0]))).toEqual(
      new Set(["mirror.example.test"]),
    );
    expect(await planReleases(at.ports)).toEqual([]);
  });

  test("one that is broken holds up no other, and is looked at again alone", async () => {
    const at = world(["linux/amd64"], ["mirror"]);
    await merged(at);
    const mirror = at.all.mirror?.registry;
    if (!mirror) throw new Error("no mirror");
    const { listTags } = mirror;
    mirror.listTags = async () => {
      throw appError("registry.unreachable", "the mirror is away");
    };
    await release(at, "production");
    await expect(release(at, "mirror")).rejects.toThrow("the mirror is away");
    expect((await findDue(at.ports, false)).due.map((one) => one.registry)).toEqual(["mirror"]);
    mirror.listTags = listTags;
    await release(at, "mirror");
    expect((await findDue(at.ports, false)).due).toEqual([]);
  });

  test("a run for a registry that no route leads to any more does nothing", async () => {
    const at = world(["linux/amd64"], ["mirror"]);
    await merged(at);
    const policy = at.git.read(at.git.branches.get("main") ?? "")["policy.yaml"] ?? "";
    at.git.commit("main", { "policy.yaml": policy.replace("to: [production, mirror]", "to: [production]") });
    expect(await release(at, "mirror")).toEqual(["read", "plan"]);
    expect([...(at.all.mirror?.tags ?? [])]).toEqual([]);
  });

  test.each([
    ["to: [production, candidate]", /leads into candidate/],
    ["to: [production, production]", /names a registry twice/],
    ["to: [production, elsewhere]", /names the registry "elsewhere"/],
  ])("the route %s is a fault of the policy", async (to, message) => {
    const at = world();
    await merged(at);
    const policy = at.git.read(at.git.branches.get("main") ?? "")["policy.yaml"] ?? "";
    at.git.commit("main", { "policy.yaml": policy.replace("to: [production]", to) });
    await expect(startReleases(at.ports, false, "scan")).rejects.toThrow(message);
  });
});
