import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { digestOf } from "../../../src/domain/digest.ts";
import { checkMetadata } from "../../../src/koji/check-metadata.ts";
import { startDockerRegistry } from "../../support/docker-registry.ts";
import { SpdxDocument } from "../../support/document-schemas.ts";
import { Crash } from "../../support/memory-journal.ts";
import { skopeo } from "../../support/skopeo.ts";
import { dockerfileFrom, realBuildWorld, request } from "./real-build-world.ts";

let world: Awaited<ReturnType<typeof realBuildWorld>>;
beforeAll(async () => {
  world = await realBuildWorld();
}, 60_000);
afterAll(() => world.close(), 60_000);
afterEach(() => {
  world.files = {};
  world.testMs = 60_000;
  world.buildMs = 120_000;
  world.allowedParents = [{ prefix: "registry.fedoraproject.org/", mirror: world.registry.endpoint, plainHttp: true }];
  world.statuses.clear();
  world.promoted.length = 0;
});

const states = () => Object.fromEntries([...world.statuses.values()].map((one) => [one.name, one.state]));
const uploads = async () => (await readFile(world.registry.logFile, "utf8")).match(/"(?:PUT|POST|PATCH) \/v2\/f42/g)?.length ?? 0;

async function rawManifest(reference: string): Promise<{ digest: string; json: { manifests: { digest: string; platform: object }[] } }> {
  const at = reference.startsWith("sha256:") ? "@" : ":";
  const { stdout, stderr } = await skopeo([
    ...["inspect", "--raw", "--tls-verify=false", `docker://${world.registry.endpoint}/f42/hello${at}${reference}`],
  ]);
  if (stdout === "") throw new Error(stderr);
  return { digest: `sha256:${createHash("sha256").update(stdout).digest("hex")}`, json: JSON.parse(stdout) };
}

test("the template becomes a signed, tested candidate whose RPMs are known, and everything of the run is removed", async () => {
  expect(await world.run("whole")).toBeUndefined();
  const record = world.records.get("whole");
  expect(record).toMatchObject({
    state: "complete",
    nvr: { name: "hello-container", version: "1", release: "1" },
    promotion: { number: 1 },
  });
  expect(record?.plan?.parents).toEqual([
    {
      written: "registry.fedoraproject.org/fedora:42",
      pinned: `${world.registry.endpoint}/fedora@${world.base.digest}`,
      digest: world.base.digest,
    },
  ]);

  const [image] = record?.images ?? [];
  expect(image?.rpms.map((one) => one.name)).toEqual(expect.arrayContaining(["bash", "greeting"]));
  expect(image?.rpms.find((one) => one.name === "greeting")).toMatchObject({ version: "1.0", release: "1", arch: "noarch" });
  expect(image?.config).toMatchObject({
    user: "65534",
    cmd: ["/usr/libexec/hello-init"],
    labels: { architecture: "x86_64", "vcs-ref": request.commit, release: "1", name: "f42/hello" },
  });

  expect(image?.distribution?.id).toBe("fedora-stand-in");
  expect(image?.parts?.layers.map((one) => one.diffId)).toEqual(image?.diffIds);
  // The engine's own sum is of files, an archive's is of blocks. What the last bytes of a layer say is what it unpacks to, and that is its diff id.
  const layers = image?.parts?.layers ?? [];
  expect(layers.length).toBeGreaterThan(2);
  const repository = record?.plan?.imageRepository ?? "";
  for (const { digest, compressedBytes, diffId, sizeBytes } of layers) {
    const unpacked = gunzipSync(await world.ports.candidate.registry.readBlob(repository, digest, compressedBytes));
    expect({ diffId: digestOf(unpacked), sizeBytes: unpacked.length }).toEqual({ diffId, sizeBytes });
  }
  expect(image?.parts?.imageConfig).toMatchObject({ os: "linux", architecture: "amd64", rootfs: { diff_ids: image?.diffIds } });

  const config = (await world.ports.candidate.registry.readManifest("fedora", world.base.digest as `sha256:${string}`)).bytes;
  expect(image?.parts?.base).toEqual({
    written: "registry.fedoraproject.org/fedora:42",
    imageId: JSON.parse(Buffer.from(config).toString()).config.digest,
  });

  const documents = await world.ports.builds.listDocuments("whole");
  expect(documents.map((one) => one.name)).toEqual([
    ...["metadata.json", "icm-x86_64.json", "x86_64.spdx.json", "x86_64.cdx.json", "provenance.intoto.json"],
  ]);
  const metadata = checkMetadata(JSON.parse((await world.ports.builds.findDocument("whole", "metadata.json"))?.text ?? "null"));
  const components = metadata.output[0]?.components ?? [];
  expect(components).toContainEqual(
    expect.objectContaining({ type: "rpm", name: "greeting", version: "1.0", release: "1", arch: "noarch" }),
  );
  expect(metadata.output.map((one) => one.filename)).toEqual([
    ...[expect.stringMatching(/^docker-image-sha256:[0-9a-f]{64}\.x86_64\.tar\.gz$/), "icm-x86_64.json"],
    ...["x86_64-build.log", "osbs-build.log"],
  ]);
  const spdx = JSON.parse((await world.ports.builds.findDocument("whole", "x86_64.spdx.json"))?.text ?? "null");
  expect(SpdxDocument.safeParse(spdx).error).toBeUndefined();
  expect(spdx.packages).toHaveLength((image?.rpms.length ?? 0) + 1);

  // skopeo's word on what the tags hold.
  for (const tag of ["1-1", "1", "latest", record?.plan?.uniqueTag ?? ""]) {
    const { digest, json } = await rawManifest(tag);
    expect(digest).toBe(record?.digest);
    expect(json.manifests).toEqual([expect.objectContaining({ digest: image?.digest, platform: { os: "linux", architecture: "amd64" } })]);
    expect(await world.verify(tag)).toMatchObject({ ok: true, digest: record?.digest });
  }
  expect(await world.verify(`${record?.plan?.uniqueTag}-amd64`)).toMatchObject({ ok: true, digest: image?.digest });

  expect(record?.tests).toMatchObject([
    { suite: "smoke", outcome: "pass", cases: [{ outcome: "pass" }, { outcome: "pass" }] },
    {
      suite: "structure",
      outcome: "pass",
      message: "4 passed",
      cases: [{ name: "File Content Test: the init script is a shell script" }, {}, {}, {}],
    },
  ]);
  expect(states()).toEqual({
    "flibs / lint": "success",
    "flibs / build (linux/amd64)": "success",
    "flibs / test: smoke": "success",
    "flibs / test: structure": "success",
    "flibs / promotion": "success",
  });
  expect(world.logText("whole", "linux/amd64")).toContain("COPY root/ /");
  expect(world.logText("whole", "test smoke linux/amd64")).toContain("hello, world");
  expect(await world.leftovers()).toEqual([]);
  await expect(world.docker.getImage(image?.imageId ?? "").inspect()).rejects.toMatchObject({ statusCode: 404 });
}, 120_000);

test("a run that is taken up again after its end does nothing once more", async () => {
  const before = await uploads();
  expect(await world.run("whole")).toBeUndefined();
  expect(world.journal.runOf("whole").carriedOut).toEqual([]);
  expect(await uploads()).toBe(before);
  expect(world.promoted).toEqual([]);
});

test.each(["inspect linux/amd64", "push linux/amd64", "tag unique", "test smoke linux/amd64"])(
  "a crash before step %s, with the journal one entry behind, gives the same image when the run is taken up again",
  async (name) => {
    const id = `crash-${name.replaceAll(/[^a-z]/g, "-")}`;
    const run = world.journal.runOf(id);
    run.before = (step) => {
      if (step === name) throw new Crash(name);
    };
    expect(await world.run(id)).toBeInstanceOf(Crash);
    const imageId = run.journal.get("build linux/amd64")?.result;
    const done = [...run.journal.keys()];
    // The effect happened, its record was lost.
    run.journal.delete(done.at(-1) ?? "");
    run.before = () => {};
    expect(await world.run(id)).toBeUndefined();
    expect(run.journal.get("build linux/amd64")?.result).toBe(imageId);
    expect(run.carriedOut.filter((step) => done.slice(0, -1).includes(step))).toEqual([]);
    const record = world.records.get(id);
    expect(record).toMatchObject({ state: "complete" });
    expect((await rawManifest(record?.plan?.primaryTag ?? "")).digest).toBe(record?.digest);
    expect(await world.verify(record?.plan?.primaryTag ?? "")).toMatchObject({ ok: true });
    expect(await world.leftovers()).toEqual([]);
  },
  120_000,
);

test("a scratch build takes no NVR and writes only its own tag", async () => {
  const tagsBefore = await tagsOf();
  const latest = (await rawManifest("latest")).digest;
  expect(await world.run("scratch", { ...request, scratch: true })).toBeUndefined();
  const record = world.records.get("scratch");
  expect(record).toMatchObject({ state: "complete" });
  expect(record?.tests.map(({ suite, outcome }) => [suite, outcome])).toEqual([
    ["smoke", "pass"],
    ["structure", "pass"],
  ]);
  expect(record).not.toHaveProperty("nvr");
  const added = (await tagsOf()).filter((tag) => !tagsBefore.includes(tag));
  expect(added.toSorted()).toEqual([record?.plan?.uniqueTag, `${record?.plan?.uniqueTag}-amd64`]);
  expect((await rawManifest("latest")).digest).toBe(latest);
  expect(world.promoted).toEqual([]);
}, 60_000);

test("the template's playbook passes on the template's image, within seconds", async () => {
  world.files = {
    "tests/tests.yml": await readFile(new URL("../../../containers-repo-template/tests/tests.yml", import.meta.url), "utf8"),
  };
  expect(await world.run("playbook")).toBeUndefined();
  expect(states()["flibs / test: tests"]).toBe("success");
  const tests = world.records.get("playbook")?.tests.find((one) => one.suite === "tests");
  expect(tests).toMatchObject({
    ...{ outcome: "pass", message: "1 passed" },
    cases: [{ name: "has its program and its help", outcome: "pass" }],
  });
  expect(tests?.durationMs).toBeLessThan(30_000);
  expect(world.logText("playbook", "test tests linux/amd64")).toContain("PLAY [The image is what its users expect]");
  expect(await world.leftovers()).toEqual([]);
}, 120_000);

test("a failing test is told with its case, and nothing is promoted", async () => {
  world.files = { "tests/commands.yaml": "smoke:\n  commands:\n    - {name: is another greeting, run: cat /usr/share/greeting/absent}\n" };
  expect(await world.run("failing")).toMatchObject({ code: "builds.tests-failed", kind: "input", file: "tests/commands.yaml" });
  expect(world.statuses.get("flibs / test: smoke")).toMatchObject({
    state: "failure",
    title: "Failed: is another greeting: returned 1, expected 0",
    summary: expect.stringContaining("cat: can't open '/usr/share/greeting/absent': No such file or directory\n--- is another"),
  });
  expect(states()["flibs / promotion"]).toBe("failure");
  expect(world.promoted).toEqual([]);
  expect(world.records.get("failing")?.state).toBe("complete");
}, 60_000);

test("a test that hangs is stopped, and counts as not carried out", async () => {
  world.files = { "tests/commands.yaml": "smoke:\n  commands:\n    - {name: answers, run: sleep 1000}\n" };
  world.testMs = 1500;
  expect(await world.run("hanging")).toMatchObject({ code: "builds.tests-failed" });
  expect(world.statuses.get("flibs / test: smoke")).toMatchObject({
    state: "error",
    title: expect.stringMatching(/^Could not be carried out: answers: did not end within 1\.\d+ s$/),
  });
  expect(await world.leftovers()).toEqual([]);
}, 60_000);

test.each([
  ["never-ends", "sleep 1000", 3000, "took longer than 3 seconds"],
  ["gigabyte", "yes", 120_000, "printed more than 1 MiB"],
  ["fails", "rpm -q cockpit-ws", 120_000, "failed: RUN echo begun &&   rpm -q cockpit-ws returned 1"],
])(
  "a build that %s is stopped, told with its line, and nothing of it is left",
  async (id, command, buildMs, words) => {
    world.buildMs = buildMs;
    const dockerfile = `# Two lines before\n\n${dockerfileFrom("registry.fedoraproject.org/fedora:42")}RUN echo begun && \\\n  ${command}\nRUN true\n`;
    world.files = { Dockerfile: dockerfile };
    expect(await world.run(id)).toMatchObject({ kind: "input", file: "Dockerfile", line: 6, message: `building for linux/amd64 ${words}` });
    expect(world.statuses.get("flibs / build (linux/amd64)")).toMatchObject({
      state: id === "never-ends" ? "timed-out" : "failure",
      title: `Dockerfile:6: building for linux/amd64 ${words}`,
    });
    expect(world.records.get(id)?.state).toBe("failed");
    expect(await world.leftovers()).toEqual([]);
    // Nothing holds the number: the next good build has it.
    expect(world.records.get(id)?.nvr?.release).toBe(world.nextRelease());
  },
  60_000,
);

test("a parent that is a manifest list is pinned by the list's digest", async () => {
  const base = await world.ports.candidate.registry.readManifest("fedora", world.base.digest as `sha256:${string}`);
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const child = { mediaType: base.mediaType, digest: base.digest, size: base.bytes.length };
  const manifests = [{ ...child, platform: { os: "linux", architecture: "amd64" } }];
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}` as const;
  await world.ports.candidate.registry.putManifest("fedora", "list", { mediaType, bytes, digest });
  world.files = { Dockerfile: dockerfileFrom("registry.fedoraproject.org/fedora:list") };
  expect(await world.run("list")).toMatchObject({ code: "builds.tests-failed" });
  expect(world.records.get("list")?.plan?.parents).toMatchObject([{ digest, pinned: `${world.registry.endpoint}/fedora@${digest}` }]);
  expect(world.records.get("list")?.images[0]?.rpms.map((one) => one.name)).toContain("greeting");
}, 60_000);

test("a mirror that refuses counts as one that does not have it, and the next place is asked", async () => {
  await using refusing = await startDockerRegistry({ auth: "basic" });
  world.allowedParents = [{ prefix: `${world.registry.endpoint}/`, mirror: refusing.endpoint, plainHttp: true }];
  world.files = { Dockerfile: dockerfileFrom(`${world.registry.endpoint}/fedora:42`) };
  await world.run("denied", { ...request, scratch: true });
  expect(world.records.get("denied")?.plan?.parents).toMatchObject([{ pinned: `${world.registry.endpoint}/fedora@${world.base.digest}` }]);

  world.files = { Dockerfile: dockerfileFrom(`${world.registry.endpoint}/fedora:99`) };
  expect(await world.run("unknown")).toMatchObject({
    code: "builds.parent-unknown",
    message: `FROM ${world.registry.endpoint}/fedora:99 was not found; asked: ${refusing.endpoint}/fedora (refused), ${world.registry.endpoint}/fedora (not there)`,
    line: 1,
  });
}, 60_000);

test("a parent that is not allowed is never asked for", async () => {
  world.files = { Dockerfile: dockerfileFrom(`${world.registry.endpoint}/fedora:42`) };
  expect(await world.run("not-allowed")).toMatchObject({
    code: "builds.parent-not-allowed",
    message: `FROM ${world.registry.endpoint}/fedora:42 is not allowed; allowed are registry.fedoraproject.org/`,
  });
});

async function tagsOf(): Promise<readonly string[]> {
  // Without those of what is attached.
  return (await world.ports.candidate.registry.listTags("f42/hello")).filter((tag) => !tag.startsWith("sha256-"));
}
