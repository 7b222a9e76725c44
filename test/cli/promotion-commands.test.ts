import { expect, test } from "@jest/globals";
import { formatMachineBlock } from "../../src/promotion/machine-block.ts";
import { build, digest, flibs, pull, run } from "./cli-world.ts";

/** What operators ask of promotions; the service carries it out. */

const placed = { repository: "releng/manifests", branch: "b", number: 9, head: "h", outcome: "opened" };
const journal = (result: object) => [{ step: "propose", result }];

test("promote takes an NVR, starts the flow for the person, and prints where it is proposed", async () => {
  const story = { journal: journal({ ...placed, nvr: "hello-container-1.0-1" }) };
  const { code, out, started } = await flibs(["promote", "hello-container-1.0-1"], story);
  expect([code, out.trim()]).toEqual([0, "The promotion of hello-container-1.0-1 is proposed in releng/manifests#9."]);
  expect(started).toMatchObject([{ flow: "promote", intent: { build: build.id, requestedBy: "alice" }, key: "cli u1" }]);
});

test("what is not promoted says why, with exit code 1", async () => {
  const result = {
    repository: "releng/manifests",
    nvr: "hello-container-1.0-1",
    outcome: "superseded",
    by: "b2",
    byNvr: "hello-container-1.0-2",
  };
  const { code, out } = await flibs(["promote", "b1"], { journal: journal(result) });
  expect(code).toBe(1);
  expect(out).toContain("hello-container-1.0-2, which was built later, is released or proposed");
  expect(JSON.parse((await flibs(["promote", "b1", "--json"], { journal: journal(result) })).out)).toEqual(result);
});

test("rollback and withdraw pass on what was named", async () => {
  const back = { ...placed, imageRepository: "f40/web", from: "1-2", to: "1-1", tags: ["latest"] };
  const rolled = await flibs(["rollback", "f40/web", "1-1"], { journal: journal(back) });
  expect(rolled.started).toMatchObject([{ flow: "rollback", intent: { imageRepository: "f40/web", to: "1-1", requestedBy: "alice" } }]);
  expect(rolled.out).toContain("from 1-2 to 1-1 is proposed in releng/manifests#9");
  const gone = { ...placed, imageRepository: "f40/web", releases: ["1-2"] };
  const line = ["withdraw", "f40/web", "1-2", "CVE-2026-1,", "fixed in 1-3", "--remove-tag", "--to", "1-1"];
  const withdrawn = await flibs(line, { journal: journal(gone) });
  expect(withdrawn.started).toMatchObject([
    {
      flow: "withdraw",
      intent: {
        ...{ imageRepository: "f40/web", release: "1-2", reason: "CVE-2026-1, fixed in 1-3", removeTag: true, to: "1-1" },
        requestedBy: "alice",
      },
    },
  ]);
  expect([withdrawn.code, withdrawn.out.trim()]).toEqual([0, "Withdrawing 1-2 of f40/web is proposed in releng/manifests#9."]);
  expect((await flibs(["withdraw", "f40/web", "1-2"])).code).toBe(2);
  expect((await flibs(["withdraw", "f40/web", "1-2", "x".repeat(501)])).code).toBe(2);
});

test("a run that failed tells its message and hint", async () => {
  const error = {
    code: "promotion.release-unknown",
    kind: "input",
    message: "f40/web was never released as 9-9",
    hint: "Did you mean 1-9?",
  } as const;
  const { code, err } = await flibs(["rollback", "f40/web", "9-9"], { run: { ...run, status: "failed", error } });
  expect([code, err]).toEqual([2, "flibs: f40/web was never released as 9-9\n  Did you mean 1-9?\n"]);
});

test("promotions lists what is open and what is held back; a fork's pull request is not ours, whatever it says", async () => {
  const block = { schema: 1, repository: "f40/web", tag: "1-1", digest, build: "b1", baseBlob: null } as const;
  const ours = { ...pull, body: formatMachineBlock(block), title: "promote f40/web: 1-1" };
  const stranger = { ...ours, number: 8, fromFork: true, title: "mine" };
  const held = [
    { imageRepository: "f40/db", build: "b7", builtAt: build.createdAt, heldAt: build.createdAt, why: "hour-full", attempt: 2 },
  ] as const;
  const { out } = await flibs(["promotions"], { pulls: [ours, stranger, pull], held });
  expect(out).toMatch(
    /^PULL REQUEST +OPENED +WHAT\nreleng\/manifests#7 +60 min ago +promote f40\/web: 1-1\n\nHELD BACK +BUILD +SINCE +WHY\nf40\/db +b7 +60 min ago +as many promotions/m,
  );
  expect(out).not.toContain("mine");
  const json = JSON.parse((await flibs(["promotions", "--json"], { pulls: [ours], held })).out);
  expect(json).toMatchObject({ open: [{ number: 7, imageRepository: "f40/web", build: "b1" }], held: [{ build: "b7" }] });
});
