import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { skopeo } from "../../support/skopeo.ts";
import { realBuildWorld } from "./real-build-world.ts";

// The engine is slow when other tests use both cores.
jest.setTimeout(120_000);

let world: Awaited<ReturnType<typeof realBuildWorld>>;
beforeAll(async () => {
  world = await realBuildWorld([
    { name: "intel", platforms: ["linux/amd64"], builder: "classic" },
    { name: "arm", platforms: ["linux/arm64"], builder: "buildkit" },
  ]);
});
afterAll(() => world.close());

const head = 'FROM scratch\nLABEL com.redhat.component="hello-container" name="f42/hello" version="1"\nCOPY root/ /\n';
const noTests = { "tests/commands.yaml": "{}\n" };

async function inspect(...words: string[]): Promise<string> {
  const { stdout, stderr } = await skopeo(["inspect", "--tls-verify=false", ...words]);
  if (stdout === "") throw new Error(stderr);
  return stdout;
}

test("files alone are built for two platforms by two engines, and become one signed manifest list", async () => {
  world.files = { ...noTests, Dockerfile: head };
  expect(await world.run("two")).toBeUndefined();
  const record = world.records.get("two");
  expect(record).toMatchObject({ state: "complete", plan: { platforms: ["linux/amd64", "linux/arm64"] } });
  const image = `docker://${world.registry.endpoint}/f42/hello`;
  const raw = await inspect("--raw", `${image}:latest`);
  expect(`sha256:${createHash("sha256").update(raw).digest("hex")}`).toBe(record?.digest);
  const list = JSON.parse(raw).manifests as { digest: string; platform: { os: string; architecture: string } }[];
  expect(list.map(({ platform }) => `${platform.os}/${platform.architecture}`)).toEqual(["linux/amd64", "linux/arm64"]);
  for (const { digest, platform } of list) {
    // What stands in the image itself, and is signed with it.
    const config = JSON.parse(await inspect("--config", `${image}@${digest}`));
    const rpmName = platform.architecture === "arm64" ? "aarch64" : "x86_64";
    expect(config).toMatchObject({ os: "linux", architecture: platform.architecture, config: { Labels: { architecture: rpmName } } });
  }
  expect(await world.verify("latest")).toMatchObject({ ok: true, digest: record?.digest });
  const { journal } = world.journal.runOf("two");
  expect([journal.get("engine linux/amd64")?.result, journal.get("engine linux/arm64")?.result]).toEqual(["intel", "arm"]);
  expect(world.logText("two", "linux/amd64")).toMatch(/^Step 3\/\d+ : COPY root\/ \/$/m);
  expect(world.logText("two", "linux/arm64")).toMatch(/^#\d+ \[1\/\d+\] COPY root\/ \/$/m);
  expect(await world.leftovers()).toEqual([]);
});

test("one that fails is told with its platform and line, whichever builder it was", async () => {
  world.files = { ...noTests, Dockerfile: `${head}COPY absent /\n` };
  const error = await world.run("failing");
  expect(error).toMatchObject({ code: "builds.build-failed", file: "Dockerfile", line: 4, message: expect.stringContaining("absent") });
  expect(world.records.get("failing")).toMatchObject({ state: "failed", error: { platform: expect.stringMatching(/^linux\/a/) } });
  expect(await world.leftovers()).toEqual([]);
});

test("a Dockerfile for BuildKit is refused while one of the engines is no BuildKit", async () => {
  world.files = { ...noTests, Dockerfile: `${head}RUN --mount=type=tmpfs,target=/t ["/true"]\n` };
  expect(await world.run("refused")).toMatchObject({
    code: "distgit.dockerfile-unsupported",
    line: 4,
    message: "RUN --mount needs BuildKit, and images are built by the classic builder",
  });
});
