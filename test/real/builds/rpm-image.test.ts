import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { BuildRequested, InstalledRpm } from "../../../src/builds/build-record.ts";
import { metadataName, sbomNames } from "../../../src/documents/document-names.ts";
import { diffRpms } from "../../../src/promotion/image-diff.ts";
import { dnfPackage } from "../../support/dnf-package.ts";
import { exportPublicKey, gnupgHome, makeKey } from "../../support/gnupg.ts";
import { scratchDirectory } from "../../support/scratch-directory.ts";
import { serveFiles } from "../../support/served-files.ts";
import { askPackage, yumRepository } from "../../support/yum-repository.ts";
import { realBuildWorld, request } from "./real-build-world.ts";

/*
 * Images built out of RPMs by the real dnf, rpm, rpmbuild, rpmsign and createrepo_c. The base image is made of this machine's own packages, since
 * no distribution's registry is asked; what it has of dnf is Debian's.
 */

type World = Awaited<ReturnType<typeof realBuildWorld>>;
const stack = new AsyncDisposableStack();
let dnf: Awaited<ReturnType<typeof dnfPackage>>;
let world: World;
let yum: Awaited<ReturnType<typeof yumRepositories>>;
beforeAll(async () => {
  dnf = await dnfPackage();
  world = await realBuildWorld([{}], [dnf]);
  stack.defer(world.close);
  yum = await yumRepositories();
  yum.setUp(world);
  // The first time the base image is made: half a minute of work, beside other tests.
}, 300_000);
afterAll(() => stack.disposeAsync(), 60_000);

/** A repository of the site, whose packages are not signed, and one that a request names, which takes signed ones only. */
async function yumRepositories() {
  const scratch = stack.use(await scratchDirectory());
  const home = stack.use(await gnupgHome());
  const key = { home: home.path, fingerprint: await makeKey(home.path, "packager") };
  const site = stack.use(await yumRepository(world.docker, join(scratch.path, "site")));
  const updates = stack.use(await yumRepository(world.docker, join(scratch.path, "updates")));
  const common = { release: "1", license: "GPL-3.0-or-later" };
  const data = await site.publish({ ...common, name: "hello-data", version: "1.0", license: "CC0-1.0" });
  await site.publish({ ...common, name: "hello-tools", version: "1.0" });
  const publishHello = (version: string) => updates.publish({ ...common, name: "hello", version, requires: ["hello-data >= 1.0"], key });
  const hello = await publishHello("1.0");

  await writeFile(join(scratch.path, "updates/packager.asc"), await exportPublicKey(home.path, key.fingerprint));

  const repositories = {
    "/site.repo": `[site]\nname=Site\nbaseurl=${site.url}\ngpgcheck=0\n`,
    "/updates.repo": `[updates]\nname=Updates\nbaseurl=${updates.url}\ngpgcheck=1\ngpgkey=${updates.url}/packager.asc\n`,
  };
  const served = stack.use(await serveFiles(repositories));
  return {
    ...{ site, updates, hello, data, publishHello },
    keyId: key.fingerprint.slice(-16).toLowerCase(),
    asked: { ...request, yumRepositories: [`http://${served.host}/updates.repo`] } satisfies BuildRequested,
    setUp(one: World) {
      one.site = { ...one.site, repositories: { site: [`http://${served.host}/site.repo`], allowedHosts: [served.host] } };
      one.files = { Dockerfile: dockerfile, "tests/commands.yaml": suite };
    },
  };
}

const dockerfile = `FROM registry.fedoraproject.org/fedora:42 AS builder
RUN dnf -y install hello-tools && hello-tools >/built
FROM registry.fedoraproject.org/fedora:42
LABEL com.redhat.component=hello-container name=f42/hello version=1 summary="Says hello"
RUN dnf -y install hello && dnf clean all
COPY --from=builder /built /built
USER 65534:65534
CMD ["hello"]
`;
const suite = "smoke:\n  commands:\n    - {name: said, run: 'hello | grep -x \"hello-data 1.0\"'}\n";

test("a build installs out of the site's and the request's repositories, and its record tells what", async () => {
  expect(await world.run("first", yum.asked)).toBeUndefined();
  const [image] = world.records.get("first")?.images ?? [];
  expect(image).not.toHaveProperty("rpmProblem");
  const fromBase = ["bash", "busybox", "dnf", "fedora-release-stand-in", "greeting"];
  // What only the first stage has is not in the image; neither is the key that rpm was taught, which is no package.
  expect(image?.rpms.map(({ name }) => name)).toEqual([...fromBase, "hello", "hello-data", "rpm", "runtime-libraries"]);
  expect(image?.rpms.filter(({ name }) => name.startsWith("hello"))).toEqual([
    {
      ...{ name: "hello", epoch: undefined, version: "1.0", release: "1", arch: "noarch", license: "GPL-3.0-or-later" },
      ...{ sourceRpm: "hello-1.0-1.src.rpm", ...(await sizeAndDigest(yum.hello)), keyId: yum.keyId },
    },
    {
      ...{ name: "hello-data", epoch: undefined, version: "1.0", release: "1", arch: "noarch", license: "CC0-1.0" },
      ...{ sourceRpm: "hello-data-1.0-1.src.rpm", ...(await sizeAndDigest(yum.data)) },
    },
  ]);
  expect(world.records.get("first")?.tests).toMatchObject([{ suite: "smoke", outcome: "pass" }]);
  // No repository file is left.
  expect(await world.filesOf("first", ["/built", "/etc/yum.repos.d"])).toEqual({ "/built": "hello-tools 1.0\n" });
}, 120_000);

test("bills of materials and Koji's metadata name the packages", async () => {
  const { sigmd5 } = await sizeAndDigest(yum.hello);
  const spdx = await documentOf("first", sbomNames.spdx("x86_64"));
  expect(spdx.packages).toContainEqual(
    expect.objectContaining({ name: "hello", versionInfo: "1.0-1", licenseDeclared: "GPL-3.0-or-later" }),
  );
  const cycloneDx = await documentOf("first", sbomNames.cyclonedx("x86_64"));
  const purl = "pkg:rpm/fedora-stand-in/hello@1.0-1?arch=noarch&distro=fedora-stand-in-42";
  expect(cycloneDx.components.find((one: { purl?: string }) => one.purl === purl)?.properties).toEqual([
    { name: "flibs:rpm:keyId", value: yum.keyId },
    { name: "flibs:rpm:sigmd5", value: sigmd5 },
    { name: "flibs:rpm:sourceRpm", value: "hello-1.0-1.src.rpm" },
  ]);
  const koji = await documentOf("first", metadataName);
  const output = koji.output.find((one: { type: string }) => one.type === "docker-image");
  const component = { type: "rpm", name: "hello", version: "1.0", release: "1", epoch: null, arch: "noarch", sigmd5, signature: yum.keyId };
  expect(output.components).toContainEqual(component);
  expect(output.components).toHaveLength(9);
});

test("when the repository has a newer package, a build of the same commit is the next release, and differs in that package", async () => {
  await yum.publishHello("1.1");
  expect(await world.run("second", yum.asked)).toBeUndefined();
  const [first, second] = [world.records.get("first"), world.records.get("second")];
  expect([first?.nvr?.release, second?.nvr?.release]).toEqual(["1", "2"]);
  expect(diffRpms(first?.images[0]?.rpms ?? [], second?.images[0]?.rpms ?? [])).toEqual({
    upgraded: [{ name: "hello.noarch", before: "1.0-1", after: "1.1-1" }],
    ...{ downgraded: [], added: [], removed: [] },
  });
}, 120_000);

test("without a network nothing is installed, and the log says that this is why", async () => {
  const closed = await realBuildWorld([{ networkMode: "none" }], [dnf]);
  stack.defer(closed.close);
  yum.setUp(closed);
  const asked = () => [...yum.site.asked, ...yum.updates.asked];
  const before = asked();
  expect(await closed.run("closed", yum.asked)).toMatchObject({
    ...{ code: "builds.build-failed", file: "Dockerfile", line: 2 },
    message: "building for linux/amd64 failed: RUN dnf -y install hello-tools && hello-tools >/built returned 1",
  });
  expect(asked()).toEqual(before);
  const log = closed.logText("closed", "linux/amd64");
  expect(log).toMatch(/^RUN instructions have no network on this engine; see the settings' network\.mode\n/);
  expect(log).toContain(`Couldn't connect to server for ${yum.site.url}/repodata/repomd.xml`);
  expect(closed.statuses.get("flibs / build (linux/amd64)")?.summary).toContain("Error: Unable to find a match: hello-tools\n");
}, 120_000);

/** As rpm reads them out of the file that was published. */
async function sizeAndDigest(file: string): Promise<Required<Pick<InstalledRpm, "sizeBytes" | "sigmd5">>> {
  const [sizeBytes, sigmd5] = (await askPackage(file, "%{SIZE} %{SIGMD5}")).split(" ");
  return { sizeBytes: Number(sizeBytes), sigmd5 };
}

async function documentOf(build: string, name: string) {
  const found = await world.ports.builds.findDocument(build, name);
  if (found === undefined) throw new Error(`the build ${build} has no ${name}`);
  return JSON.parse(found.text);
}
