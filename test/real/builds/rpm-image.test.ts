import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { BuildRequested, InstalledRpm } from "../../../src/builds/build-record.ts";
import { metadataName, sbomNames } from "../../../src/documents/build-documents.ts";
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
let world: World;
let yum: Awaited<ReturnType<typeof yumRepositories>>;
beforeAll(async () => {
  world = await realBuildWorld([{}], [await dnfPackage()]);
  stack.defer(world.close);
  yum = await yumRepositories();
  yum.setUp(world);
}, 180_000);
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

test("try", async () => {
  console.log(await world.run("rpms", yum.asked));
  console.log(world.logText("rpms", "linux/amd64").slice(-2500));
  console.log(JSON.stringify(world.records.get("rpms")?.images, null, 1).slice(0, 6000));
  console.log(await world.filesOf("rpms", ["/etc/yum.repos.d", "/built", "/etc/dnf"]));
  console.log(world.records.get("rpms")?.tests, world.records.get("rpms")?.error);
}, 120_000);
test("none", async () => {
  const closed = await realBuildWorld([{ networkMode: "none" }], [await dnfPackage()]);
  stack.defer(closed.close);
  yum.setUp(closed);
  console.log(await closed.run("none", yum.asked));
  console.log(closed.logText("none", "linux/amd64").slice(-2500));
  console.log([...closed.statuses]);
}, 120_000);
