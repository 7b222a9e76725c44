import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { Facts } from "../../src/builds/build-schemas.ts";
import { nvrOfLabels } from "../../src/builds/read-parent.ts";
import { appError } from "../../src/domain/errors.ts";
import { type ScratchDirectory, scratchDirectory } from "../support/scratch-directory.ts";
import { addParent, buildWorld, request } from "./build-world.ts";

let scratch: ScratchDirectory;
let world: ReturnType<typeof buildWorld>;
beforeEach(async () => {
  scratch = await scratchDirectory();
  world = buildWorld(scratch.path);
});
afterEach(() => scratch.remove());

const labels = "LABEL com.redhat.component=hello-container name=f42/hello version=1\n";
const fedora = "registry.fedoraproject.org/fedora:42";
/** Builds this Dockerfile and gives what its run threw. */
const build = (id: string, dockerfile: string, more: Partial<typeof request> = {}) => {
  world.files = { Dockerfile: dockerfile };
  return world.run(id, { ...request, ...more });
};
const record = (id: string) => world.records.get(id);
const log = (id: string) => world.log(id, "lint");

/** A base image f42/base that was built here, in the candidate registry, and allowed as a parent there. */
async function buildBase(id = "base-1") {
  expect(
    await build(id, `FROM ${fedora}\nLABEL com.redhat.component=base-container name=f42/base version=1\n`, {
      repository: "containers/base",
    }),
  ).toBeUndefined();

  const found = record(id);
  if (found?.digest === undefined) throw new Error("the base was not built");
  return found;
}

describe("every stage", () => {
  test("is pinned: names with ARG, several stages, not scratch and not stages", async () => {
    addParent(world.parents, "tools", "1", ["linux/amd64"]);
    const dockerfile = `ARG V=42\nARG REGISTRY=registry.fedoraproject.org\nFROM \${REGISTRY}/fedora:$V AS base\nFROM ${fedora.replace("fedora:42", "tools:1")} AS tools\nFROM scratch AS empty\nFROM base\n${labels}`;
    expect(await build("run-1", dockerfile)).toBeUndefined();
    expect(record("run-1")?.plan?.parents).toEqual([
      {
        written: fedora,
        pinned: `mirror.example:5000/fedora@${world.parent.digest}`,
        digest: world.parent.digest,
        platforms: { "linux/amd64": expect.stringMatching(/^sha256:/), "linux/arm64": expect.stringMatching(/^sha256:/) },
      },
      {
        written: "registry.fedoraproject.org/tools:1",
        pinned: expect.stringContaining("mirror.example:5000/tools@sha256:"),
        digest: expect.any(String),
      },
    ]);
    expect(world.built[0]?.split("\n").filter((line) => line.startsWith("FROM"))).toEqual([
      `FROM mirror.example:5000/fedora@${world.parent.digest} AS base`,
      expect.stringMatching(/^FROM mirror\.example:5000\/tools@sha256:[0-9a-f]{64} AS tools$/),
      "FROM scratch AS empty",
      "FROM base",
    ]);
  });

  test("an image of one platform will do for a build of one, with a word of warning", async () => {
    addParent(world.parents, "single", "1", ["linux/amd64"]);
    expect(await build("run-1", `FROM registry.fedoraproject.org/single:1\n${labels}`)).toBeUndefined();
    expect(log("run-1")).toBe(
      "warning: Dockerfile:1: FROM registry.fedoraproject.org/single:1 is the image of one platform, not a manifest list\n  Leave it while the image is built for that platform only; for more, use a base image that has a list\n",
    );
    world.platforms = ["linux/amd64", "linux/arm64"];
    expect(await build("run-2", `FROM registry.fedoraproject.org/single:1\n${labels}`)).toMatchObject({
      code: "builds.parent-platform",
      message: "FROM registry.fedoraproject.org/single:1 is not there for linux/arm64; it has linux/amd64",
      line: 1,
    });
  });

  test("a plan that an older release recorded is read", () => {
    const old = {
      createdAt: "2026-11-23T21:00:00.000Z",
      identity: { component: "a", name: "a", version: "1", labels: {} },
      container: { not: [] },
      platforms: ["linux/amd64"],
      parents: [{ written: fedora, pinned: `mirror.example:5000/fedora@${world.parent.digest}`, digest: world.parent.digest }],
      suites: [],
    };
    expect(Facts.parse(old)).toEqual(old);
  });
});

describe("a FROM that names the digest of one platform's image", () => {
  const nvr = { "com.redhat.component": "base-container", version: "7", release: "3" };
  const childOf = (list: { bytes: Uint8Array }) => JSON.parse(Buffer.from(list.bytes).toString()).manifests[0].digest as string;

  test("leads to the list that has it, by the labels' version and release", async () => {
    const list = addParent(world.parents, "base", "7-3", ["linux/amd64", "linux/arm64"], { Labels: nvr });
    world.platforms = ["linux/amd64", "linux/arm64"];
    expect(await build("run-1", `FROM registry.fedoraproject.org/base@${childOf(list)}\n${labels}`)).toBeUndefined();
    expect(record("run-1")?.plan?.parents).toMatchObject([
      { pinned: `mirror.example:5000/base@${list.digest}`, digest: list.digest, nvr: "base-container-7-3" },
    ]);
  });
  test("is not led to a list that has other images", async () => {
    const list = addParent(world.parents, "base", "7-3", ["linux/amd64", "linux/arm64"], { Labels: nvr });
    addParent(world.parents, "base", "7-3", ["linux/amd64", "linux/arm64"], { Labels: { ...nvr, other: "1" } });
    world.platforms = ["linux/amd64", "linux/arm64"];
    expect(await build("run-1", `FROM registry.fedoraproject.org/base@${childOf(list)}\n${labels}`)).toMatchObject({
      code: "builds.parent-platform",
    });
    world.platforms = ["linux/amd64"];
    expect(await build("run-2", `FROM registry.fedoraproject.org/base@${childOf(list)}\n${labels}`)).toBeUndefined();
    expect(record("run-2")?.plan?.parents).toMatchObject([{ digest: childOf(list) }]);
  });
});

describe("which build a parent is of", () => {
  const from = `FROM registry.fedoraproject.org/f42/base:1-1\n${labels}`;
  const nvr = { "com.redhat.component": "base-container", version: "1", release: "1" };

  test("is told by its digest, whatever its labels say", async () => {
    const base = await buildBase();
    const list = addParent(world.parents, "f42/base", "1-1", ["linux/amd64", "linux/arm64"], { Labels: { ...nvr, version: "9" } });
    world.records.set(base.id, { ...base, digest: list.digest });
    expect(await build("run-1", from)).toBeUndefined();
    expect(record("run-1")?.plan?.parents).toMatchObject([{ nvr: "base-container-1-1", build: "base-1" }]);
  });

  test("is told by the images, when the list was made anew", async () => {
    const base = await buildBase();
    const list = addParent(world.parents, "f42/base", "1-1", ["linux/amd64", "linux/arm64"], { Labels: nvr });
    const [child] = JSON.parse(Buffer.from(list.bytes).toString()).manifests;
    world.records.set(base.id, { ...base, images: base.images.map((image) => ({ ...image, digest: child.digest })) });
    expect(await build("run-1", from)).toBeUndefined();
    expect(record("run-1")?.plan?.parents).toMatchObject([{ digest: list.digest, nvr: "base-container-1-1", build: "base-1" }]);
  });

  test("another image in the place of a build is refused, or warned of where the operators want that", async () => {
    await buildBase();
    addParent(world.parents, "f42/base", "1-1", ["linux/amd64", "linux/arm64"], { Labels: nvr });
    const says = "FROM registry.fedoraproject.org/f42/base:1-1 says that it is base-container-1-1, but that build has other images";
    expect(await build("run-1", from)).toMatchObject({
      code: "builds.parent-differs",
      message: says,
      hint: "Look who pushed there, and name the image by the digest of the build",
      file: "Dockerfile",
      line: 1,
    });
    expect(record("run-1")?.state).toBe("failed");
    Object.assign(world.ports.settings, { digestMismatch: "warn" });
    expect(await build("run-2", from)).toBeUndefined();
    expect(log("run-2")).toContain(`warning: Dockerfile:1: ${says}`);
    expect(record("run-2")?.plan?.parents[0]).not.toHaveProperty("nvr");
  });

  test("labels that another image has inherited name nothing", async () => {
    await buildBase();
    addParent(world.parents, "f42/other", "1", ["linux/amd64", "linux/arm64"], { Labels: nvr });
    expect(await build("run-1", `FROM registry.fedoraproject.org/f42/other:1\n${labels}`)).toBeUndefined();
    expect(log("run-1")).toContain(
      "warning: Dockerfile:1: FROM registry.fedoraproject.org/f42/other:1 has the labels of base-container-1-1, which is another image; they are likely those of its own parent\n  Give that image labels of its own\n",
    );
    expect(record("run-1")?.plan?.parents[0]).not.toHaveProperty("nvr");
  });

  test("an image that was not built here is known by its labels", async () => {
    addParent(world.parents, "f42/base", "1-1", ["linux/amd64", "linux/arm64"], {
      Labels: { BZComponent: "old-container", Version: "2", Release: "5" },
    });
    expect(await build("run-1", from)).toBeUndefined();
    expect(record("run-1")?.plan?.parents[0]).toMatchObject({ nvr: "old-container-2-5" });
    expect(record("run-1")?.plan?.parents[0]).not.toHaveProperty("build");
  });

  test("a scratch build is no build of its component", async () => {
    await build("base-1", `FROM ${fedora}\nLABEL com.redhat.component=base-container name=f42/base version=1\n`, { scratch: true });
    const list = addParent(world.parents, "f42/base", "1-1", ["linux/amd64", "linux/arm64"], { Labels: nvr });
    const base = record("base-1");
    if (base !== undefined) world.records.set("base-1", { ...base, digest: list.digest });
    expect(await build("run-1", from)).toBeUndefined();
    expect(record("run-1")?.plan?.parents[0]).not.toHaveProperty("nvr");
  });

  test("the image of a stranger's pull request is nobody's parent, by whatever name", async () => {
    const base = await buildBase();
    const list = addParent(world.parents, "f42/base", "1-1", ["linux/amd64", "linux/arm64"], { Labels: nvr });
    world.records.set(base.id, { ...base, digest: list.digest, stranger: { base: "b".repeat(40) } });
    expect(await build("run-1", from)).toMatchObject({
      code: "builds.parent-not-allowed",
      message: "FROM registry.fedoraproject.org/f42/base:1-1 is the image of a pull request that nobody vouches for",
      hint: "Use an image that was built of merged work",
    });
  });

  test.each([
    [
      { "com.redhat.component": "a", version: "1", release: "2" },
      { name: "a", version: "1", release: "2" },
    ],
    [{ "com.redhat.component": "a", version: "1" }, undefined],
    [{ "com.redhat.component": "", version: "1", release: "2" }, undefined],
    [{ "com.redhat.component": "a", version: "1-2", release: "2" }, undefined],
    [{ "com.redhat.component": "a b", version: "1", release: "2" }, undefined],
    [{ "com.redhat.component": "a", version: "1", release: `2${"a".repeat(40)}^` }, undefined],
    [{ "com.redhat.component": "a".repeat(300), version: "1", release: "2" }, undefined],
    [{}, undefined],
  ])("labels %j name %j", (found, nvrFound) => {
    expect(nvrOfLabels(found as Record<string, string>)).toEqual(nvrFound);
  });
});

describe("a parent build", () => {
  const from = `FROM registry.fedoraproject.org/f42/base:1\n${labels}`;
  const named = { parentBuild: "base-container-1-1" };

  /** The base as it stands in the candidate registry. */
  async function pushBase() {
    const base = await buildBase();
    const list = addParent(world.registry, "f42/base", "pushed", ["linux/amd64", "linux/arm64"], { Labels: { own: "label" } });
    world.records.set(base.id, { ...base, digest: list.digest });
    return list.digest;
  }

  test("takes the place of the last image, though the written one has never been there", async () => {
    const digest = await pushBase();
    expect(await build("run-1", from, named)).toBeUndefined();
    expect(record("run-1")?.plan?.parents).toEqual([
      {
        written: "registry.fedoraproject.org/f42/base:1",
        pinned: `candidate.example:5000/f42/base@${digest}`,
        digest,
        platforms: expect.any(Object),
        stage: 0,
        nvr: "base-container-1-1",
        build: "base-1",
      },
    ]);
    expect(world.built.at(-1)).toContain(`FROM candidate.example:5000/f42/base@${digest}\n`);
  });

  test("leaves an earlier stage with the same image alone", async () => {
    const digest = await pushBase();
    const other = addParent(world.parents, "f42/base", "1", ["linux/amd64", "linux/arm64"]);
    const written = "registry.fedoraproject.org/f42/base:1";
    expect(await build("run-1", `FROM ${written} AS tools\nFROM ${written} AS base\nFROM base\n${labels}`, named)).toBeUndefined();
    expect(world.built.at(-1)?.split("\n").slice(0, 3)).toEqual([
      `FROM mirror.example:5000/f42/base@${other.digest} AS tools`,
      `FROM candidate.example:5000/f42/base@${digest} AS base`,
      "FROM base",
    ]);
  });

  test("gives the labels its ENV", async () => {
    await pushBase();
    addParent(world.parents, "f42/base", "1", ["linux/amd64"]);
    const written = "registry.fedoraproject.org/f42/base:1";
    expect(
      await build("run-1", `FROM ${written}\nLABEL com.redhat.component=hello-container name=f42/hello version=$FGC\n`, named),
    ).toBeUndefined();
    expect(record("run-1")?.nvr?.version).toBe("f42");
  });

  test.each([
    [
      "nothing to replace",
      `FROM scratch\n${labels}`,
      "base-container-1-1",
      {
        code: "builds.parent-build",
        message: "the parent build base-container-1-1 has no place: the image is built FROM scratch",
        hint: "Leave the parent build out",
        line: 1,
      },
    ],
    [
      "another repository",
      `FROM ${fedora}\n${labels}`,
      "base-container-1-1",
      {
        code: "builds.parent-build",
        message: "the parent build base-container-1-1 is an image f42/base, but FROM names fedora; only the same one can take its place",
        hint: "Name a build of fedora, or leave the parent build out",
        line: 1,
      },
    ],
    [
      "an unknown build",
      from,
      "base-container-1-9",
      {
        code: "builds.parent-build",
        message: "the parent build base-container-1-9 does not exist",
        hint: "Name a complete build; flibs builds --state complete lists them",
      },
    ],
    ["no NVR", from, "base", { code: "domain.nvr-invalid", message: '"base" is not a name-version-release' }],
  ])("is refused with %s", async (_, dockerfile, parentBuild, error) => {
    await pushBase();
    expect(await build("run-1", dockerfile, { parentBuild })).toMatchObject(error);
    expect(record("run-1")?.state).toBe("failed");
  });

  test("is refused when it is not complete, and when its image has gone", async () => {
    const digest = await pushBase();
    world.registry.manifests.delete(`f42/base ${digest}`);
    expect(await build("run-1", from, named)).toMatchObject({
      code: "builds.image-gone",
      message: `the image of the parent build base-container-1-1 is no longer in the candidate registry: ${digest}`,
      hint: "Build the parent again, and name the new build",
    });
    const base = record("base-1");
    if (base !== undefined) world.records.set("base-1", { ...base, state: "failed" });
    expect(await build("run-2", from, named)).toMatchObject({ message: "the parent build base-container-1-1 is failed" });
  });
});

describe("a parent that vanished after the plan", () => {
  const gone = (digest: string) => ({
    code: "builds.parent-gone",
    message: `FROM ${fedora} has gone since the build was planned: mirror.example:5000/fedora@${digest}`,
    hint: "Build again: the name is looked up anew then; if that one has gone, too, use another base image",
    file: "Dockerfile",
    line: 1,
  });
  const dockerfile = `FROM ${fedora}\n${labels}`;
  const vanish = () => world.parents.manifests.delete(`fedora ${world.parent.digest}`);

  test("is named, whether the engine calls it a failed step or a refused pull", async () => {
    world.outcome = () => {
      vanish();
      return { outcome: "failed", message: "failed to resolve source metadata: not found" };
    };
    expect(await build("run-1", dockerfile)).toMatchObject(gone(world.parent.digest));
    expect(record("run-1")?.state).toBe("failed");
    world.parent = addParent(world.parents, "fedora", "42", ["linux/amd64", "linux/arm64"]);
    world.outcome = () => {
      vanish();
      throw appError("engine.pull-denied", "pulling: manifest unknown");
    };
    expect(await build("run-2", dockerfile)).toMatchObject(gone(world.parent.digest));
  });

  test("the image of the platform may be missing while its list is there", async () => {
    world.outcome = () => {
      const [child] = JSON.parse(Buffer.from(world.parent.bytes).toString()).manifests;
      world.parents.manifests.delete(`fedora ${child.digest}`);
      return { outcome: "failed", message: "not found" };
    };
    expect(await build("run-1", dockerfile)).toMatchObject(gone(world.parent.digest));
  });

  test("while it is there, or its registry does not answer, the engine's words stand", async () => {
    world.outcome = { outcome: "failed", message: "RUN false returned 1" };
    expect(await build("run-1", dockerfile)).toMatchObject({ code: "builds.build-failed" });
    world.outcome = () => {
      world.parents.trouble.findManifest = appError("registry.unreachable", "no answer");
      return { outcome: "failed", message: "RUN false returned 1" };
    };
    expect(await build("run-2", dockerfile)).toMatchObject({ code: "builds.build-failed" });
  });
});

describe("the image of a stranger's pull request", () => {
  const refused = (image: string) => ({
    code: "builds.parent-not-allowed",
    message: `FROM ${image} is the image of a pull request that nobody vouches for`,
    hint: "Use an image that was built of merged work",
    ...{ file: "Dockerfile", line: 2 },
  });
  const allow = (prefix: string, mirror?: string) =>
    Object.assign(world.ports.settings, {
      allowedParents: [
        { prefix, plainHttp: true, ...(mirror === undefined ? {} : { mirror }) },
        { prefix: "registry.fedoraproject.org/", mirror: "mirror.example:5000", plainHttp: true },
      ],
    });
  const from = (image: string) => `# base\nFROM ${image}\n${labels}`;

  test("is no parent, whether its list, its platform's tag or its platform's digest is named", async () => {
    expect(
      await build("pull-1", `FROM ${fedora}\n${labels}`, { scratch: true, pull: 3, stranger: { base: "b".repeat(40) } }),
    ).toBeUndefined();
    const plan = record("pull-1")?.plan;
    const digest = record("pull-1")?.images[0]?.digest;
    expect(plan?.imageRepository).toBe("untrusted/f42/hello");
    Object.assign(world.ports, { openRegistry: (endpoint: string) => (endpoint.startsWith("candidate") ? world.registry : world.parents) });
    const names = [`:${plan?.uniqueTag}`, `:${plan?.uniqueTag}-amd64`, `@${digest}`];
    for (const [index, host] of ["candidate.example:5000", "candidate.example", "CANDIDATE.example"].entries()) {
      allow(`${host.toLowerCase()}/`);
      for (const [place, name] of names.entries()) {
        const image = `${host}/untrusted/f42/hello${name}`;
        expect(await build(`run-${index}${place}`, from(image))).toMatchObject(refused(image));
      }
    }
  });

  test("is none behind a mirror either", async () => {
    allow("base.example.test/x", "candidate.example:5000/untrusted/f42");
    const image = "base.example.test/x/hello:1";
    expect(await build("run-1", from(image))).toMatchObject(refused(image));
  });

  test("is told by the whole first part of its name, in that registry only", async () => {
    addParent(world.registry, "untrustedly/a", "1", ["linux/amd64", "linux/arm64"]);
    addParent(world.parents, "untrusted/a", "1", ["linux/amd64", "linux/arm64"]);
    Object.assign(world.ports, { openRegistry: (endpoint: string) => (endpoint.startsWith("candidate") ? world.registry : world.parents) });
    allow("candidate.example:5000/");
    expect(await build("run-1", from("candidate.example:5000/untrustedly/a:1"))).toBeUndefined();
    expect(await build("run-2", from("registry.fedoraproject.org/untrusted/a:1"))).toBeUndefined();
  });
});
