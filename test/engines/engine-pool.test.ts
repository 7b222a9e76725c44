import { expect, test } from "@jest/globals";
import { classicDialect } from "../../src/domain/dockerfile-dialect.ts";
import type { Platform } from "../../src/domain/platform.ts";
import { enginePool } from "../../src/engines/engine-pool.ts";
import { type FakeEngineOptions, fakeEngine } from "../fakes/engine.ts";
import { scratchDirectory } from "../support/scratch-directory.ts";

const never = new AbortController().signal;
const limits = { timeoutMs: 60_000, memoryBytes: 2 ** 20, processes: 10 };
const engine = (name: string, platforms: readonly Platform[], more: FakeEngineOptions = {}) => fakeEngine({ name, platforms, ...more });

test("the platforms of all are served, each once, and a missing engine is told rather than left out", async () => {
  const [one, other] = [engine("one", ["linux/amd64", "linux/arm64"]), engine("other", ["linux/arm64", "linux/s390x"])];
  const pool = enginePool([one, other].map((each) => ({ engine: each, slots: 1 })));
  expect(await pool.platforms()).toEqual(["linux/amd64", "linux/arm64", "linux/s390x"]);
  other.setReachable(false);
  await expect(pool.platforms()).rejects.toMatchObject({ code: "engine.unreachable" });
  const known = enginePool([
    { engine: one, slots: 1 },
    { engine: other, slots: 1, platforms: ["linux/s390x"] },
  ]);
  expect(await known.platforms()).toEqual(["linux/amd64", "linux/arm64", "linux/s390x"]);
});

test("a build goes to the engine with the least to do for its slots; the settings' order decides among equals", async () => {
  const [small, large] = [engine("small", ["linux/amd64"]), engine("large", ["linux/amd64"])];
  const pool = enginePool([
    { engine: small, slots: 1 },
    { engine: large, slots: 3 },
  ]);
  await using context = await scratchDirectory();
  const controller = new AbortController();
  const chosen: string[] = [];
  const building: Promise<unknown>[] = [];
  for (const key of ["a", "b", "c", "d", "e"]) {
    const name = await pool.choose("linux/amd64");
    chosen.push(name);
    const request = {
      platform: "linux/amd64",
      context: context.path,
      dockerfile: "FROM scratch\nRUN sleep 1000\n",
      parents: [],
      buildArguments: {},
      limits,
    } as const;
    building.push(pool.named(name).build(key, request, () => true, controller.signal));
  }
  expect(chosen).toEqual(["small", "large", "large", "large", "small"]);
  controller.abort();
  await Promise.all(building);
  expect(await pool.choose("linux/amd64")).toBe("small");
});

test("one that is away is passed over; when all are, the build waits", async () => {
  const [one, other] = [engine("one", ["linux/amd64"]), engine("other", ["linux/amd64"])];
  const pool = enginePool([one, other].map((each) => ({ engine: each, slots: 1, platforms: ["linux/amd64"] as const })));
  one.setReachable(false);
  expect(await pool.choose("linux/amd64")).toBe("other");
  other.setReachable(false);
  await expect(pool.choose("linux/amd64")).rejects.toMatchObject({ code: "engine.unreachable" });
  await expect(pool.choose("linux/z80")).rejects.toMatchObject({
    code: "engine.platform-unsupported",
    message: "no engine serves linux/z80",
  });
  expect(() => pool.named("gone")).toThrow(expect.objectContaining({ code: "engine.unknown" }));
});

test("what a Dockerfile may use is what each engine understands that may build it", async () => {
  const buildkit = { builder: "buildkit", features: ["run-mount", "heredoc"], buildLimits: "together" } as const;
  const pool = enginePool([
    { engine: engine("new", ["linux/amd64"], { capabilities: buildkit }), slots: 1 },
    { engine: engine("newer", ["linux/amd64"], { capabilities: { ...buildkit, features: ["heredoc", "copy-link"] } }), slots: 1 },
    { engine: engine("old", ["linux/s390x"]), slots: 1 },
  ]);
  expect(await pool.dialect(["linux/amd64"])).toEqual({ builder: "buildkit", features: ["heredoc"] });
  expect(await pool.dialect(["linux/amd64", "linux/s390x"])).toEqual(classicDialect);
});

test("tests run where their platform is served, and clean-up goes to all, also when one is away", async () => {
  const [one, other] = [engine("one", ["linux/amd64"]), engine("other", ["linux/arm64"])];
  const pool = enginePool([one, other].map((each) => ({ engine: each, slots: 1 })));
  await using context = await scratchDirectory();
  for (const each of pool.all) {
    const [platform = "linux/amd64"] = await each.platforms();
    const request = { platform, context: context.path, dockerfile: "FROM scratch\nRUN true\n", parents: [], buildArguments: {}, limits };
    await each.build("kept", request, () => true, never);
  }
  one.setReachable(false);
  await expect(pool.cleanUp(() => false)).rejects.toMatchObject({ code: "engine.unreachable" });
  expect([one.leftovers(), other.leftovers()]).toEqual([["kept"], []]);
});

test("an image is looked into on an engine of its platform", async () => {
  const [one, other] = [engine("one", ["linux/amd64"]), engine("other", ["linux/arm64"])];
  const pool = enginePool([one, other].map((each) => ({ engine: each, slots: 1 })));
  await using context = await scratchDirectory();
  const dockerfile = "FROM scratch\nENV A=1\n";
  const request = { platform: "linux/arm64", context: context.path, dockerfile, parents: [], buildArguments: {}, limits } as const;
  const built = await other.build("image", request, () => true, never);
  const image = "imageId" in built ? built.imageId : "";
  const look = (platform: Platform) =>
    pool.examine(
      "look",
      { platform, image },
      async ({ config }) => config.env,
      () => true,
      never,
    );
  expect(await look("linux/arm64")).toEqual(["A=1"]);
  await expect(look("linux/amd64")).rejects.toMatchObject({ code: "engine.image-missing" });
});
