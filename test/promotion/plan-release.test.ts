import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Digest } from "../../src/domain/digest.ts";
import { planRelease, type ReleaseFacts } from "../../src/promotion/plan-release.ts";
import type { ImageFile } from "../../src/promotion/registry-manifest.ts";
import { isActing } from "../../src/promotion/tag-plan.ts";

const digest = (letter: string): Digest => `sha256:${letter.repeat(64)}`;
const [a, b, c] = [digest("a"), digest("b"), digest("c")];
const file: ImageFile = {
  schema: 1,
  repository: "f40/cockpit",
  releases: { "1-1": { digest: a, build: "b1" }, "2-1": { digest: b, build: "b2" } },
  floating: { latest: "2-1" },
};
const none: ReleaseFacts = {
  ...{
    live: new Map(),
    atDestination: new Set(),
    atSource: new Set(),
    former: new Map(),
    refused: new Map(),
    children: new Map(),
    accepted: new Map(),
  },
};
const actions = (facts: Partial<ReleaseFacts>, image = file) =>
  planRelease(image, { ...none, ...facts }).map((one) => `${one.tag} ${one.action}${one.copy ? "+copy" : ""}`);
const live = (tags: Record<string, Digest>) => new Map(Object.entries(tags));
const both = new Set([a, b]);

describe("the state table", () => {
  test.each([
    {
      name: "RL1 as wanted",
      facts: { live: live({ "1-1": a, "2-1": b, latest: b }), atDestination: both },
      plan: ["1-1 ok", "2-1 ok", "latest ok"],
    },
    {
      name: "RL1 a lost platform is copied again",
      facts: { live: live({ "1-1": a, "2-1": b, latest: b }), atDestination: new Set([a]), atSource: both },
      plan: ["1-1 ok", "2-1 ok+copy", "latest ok+copy"],
    },
    { name: "RL2 there without a tag", facts: { atDestination: both }, plan: ["1-1 tag", "2-1 tag", "latest tag"] },
    { name: "RL3 to be copied", facts: { atSource: both }, plan: ["1-1 copy+copy", "2-1 copy+copy", "latest copy+copy"] },
    { name: "RL4 lost, the others go on", facts: { atSource: new Set([b]) }, plan: ["1-1 lost", "2-1 copy+copy", "latest copy+copy"] },
    {
      name: "RL5 immutable elsewhere",
      facts: { live: live({ "1-1": c }), atSource: both },
      plan: ["1-1 tag-move", "2-1 copy+copy", "latest copy+copy"],
    },
    {
      name: "RL6 floating at a former value",
      facts: { live: live({ "1-1": a, "2-1": b, latest: a }), atDestination: both, former: new Map([["latest", new Set([a])]]) },
      plan: ["1-1 ok", "2-1 ok", "latest move"],
    },
    {
      name: "RL7 floating at an unknown value",
      facts: { live: live({ "1-1": a, "2-1": b, latest: c }), atDestination: both },
      plan: ["1-1 ok", "2-1 ok", "latest drift"],
    },
    {
      name: "RL8 unmanaged, companions left out",
      facts: { live: live({ "1-1": a, "2-1": b, latest: b, old: c, [`sha256-${"a".repeat(64)}.sig`]: c }), atDestination: both },
      plan: ["1-1 ok", "2-1 ok", "latest ok", "old unmanaged"],
    },
    {
      name: "refused takes its floating tags along",
      facts: { atSource: both, refused: new Map([["2-1", "unsigned"]]) },
      plan: ["1-1 copy+copy", "2-1 refused", "latest refused"],
    },
  ])("$name", ({ facts, plan }) => {
    expect(actions(facts)).toEqual(plan);
  });

  test("DG24 one digest under two tags is planned for both; a withdrawn release is not released", () => {
    const twice = { ...file, releases: { "1-1": { digest: a, build: "b1" }, "2-1": { digest: a, build: "b1" } } };
    expect(actions({ atDestination: new Set([a]) }, twice)).toEqual(["1-1 tag", "2-1 tag", "latest tag"]);
    expect(actions({ atDestination: both }, { ...file, withdrawn: { "1-1": { reason: "x", by: "alice" } } })).toEqual([
      "2-1 tag",
      "latest tag",
      "1-1 withdrawn",
    ]);
  });

  test("whatever is there: no immutable tag moves, nothing unknown moves, latest is last, and acting twice is done", () => {
    const any = fc.constantFrom(a, b, c);
    const tags = fc.dictionary(fc.constantFrom("1-1", "2-1", "latest", "x"), any);
    const property = fc.property(tags, fc.uniqueArray(any), fc.uniqueArray(any), fc.uniqueArray(any), (found, there, source, former) => {
      const facts = {
        ...none,
        live: live(found),
        atDestination: new Set(there),
        atSource: new Set(source),
        former: new Map([["latest", new Set(former)]]),
      };
      const plan = planRelease(file, facts);
      const acting = plan.filter(isActing);
      for (const one of acting) {
        if (one.class === "immutable") expect([undefined, one.digest]).toContain(found[one.tag]);
        else expect([undefined, one.digest, ...former]).toContain(found[one.tag]);
        expect(there.includes(one.digest) || source.includes(one.digest)).toBe(true);
      }
      const index = acting.findIndex((one) => one.tag === "latest");
      if (index >= 0) expect(index).toBe(acting.length - 1);
      const after = { ...facts, live: live({ ...found, ...Object.fromEntries(acting.map((one) => [one.tag, one.digest])) }) };
      const again = planRelease(file, { ...after, atDestination: new Set([...there, ...acting.map((one) => one.digest)]) });
      expect(
        again.filter((one) => isActing(one) && acting.some((old) => old.tag === one.tag)).every((one) => one.action === "ok" && !one.copy),
      ).toBe(true);
    });
    fc.assert(property, { numRuns: 500 });
  });
});
