import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type Docker from "dockerode";
import { type Pack, pack } from "tar-stream";
import { addUpgrade, type BaseImage, ensureBaseImage, greetingUpgrade } from "../../../demo/base-image.ts";
import { makeRpm } from "../../../demo/make-rpm.ts";
import { stageGreeting } from "../../../demo/stand-in-image.ts";
import { requireDocker } from "../../support/docker.ts";
import { type RunningRegistry, startDockerRegistry } from "../../support/docker-registry.ts";
import { type ScratchDirectory, scratchDirectory } from "../../support/scratch-directory.ts";
import { runProgram, skopeo } from "../../support/skopeo.ts";

const nowhere = "http://127.0.0.1:1";
let docker: Docker;
let registry: RunningRegistry;
let scratch: ScratchDirectory;
let base: BaseImage;
const log: string[] = [];

beforeAll(async () => {
  [docker, registry, scratch] = await Promise.all([requireDocker(), startDockerRegistry(), scratchDirectory()]);
  base = await ensureBaseImage({ ...request(), log: (line) => log.push(line) });
}, 60_000);

afterAll(async () => {
  const image = `${registry.endpoint}/fedora@${base.digest}`;
  await docker
    .getImage(image)
    .remove({ force: true })
    .catch(() => undefined);
  await registry.stop();
  await scratch.remove();
});

function request() {
  return { registry: registry.endpoint, cacheDirectory: join(scratch.path, "cache"), fedoraUrl: nowhere, log: () => undefined };
}

test("without Fedora's registry a stand-in is made, and said to be one", async () => {
  expect(base).toMatchObject({ reference: "registry.fedoraproject.org/fedora:42", standIn: true });
  expect(base.parent).toEqual({ prefix: "registry.fedoraproject.org/", mirror: registry.endpoint, plainHttp: true });
  expect(log).toEqual([
    "base image: a stand-in for registry.fedoraproject.org/fedora:42 made from this machine's packages, because Fedora's registry cannot be reached",
  ]);
});

test("the stand-in in the registry reads as Fedora's base image does", async () => {
  const inspected = await skopeo(["inspect", "--tls-verify=false", `docker://${registry.endpoint}/fedora:42`]);
  const image = JSON.parse(inspected.stdout);
  expect(image).toMatchObject({ Digest: base.digest, Os: "linux", Labels: { name: "fedora", version: "42" } });
  expect(image.RepoTags.toSorted()).toEqual(["42", "latest"]);
  expect(image.Env).toContain("DISTTAG=f42container");
});

test("its rpm database lists its packages to a reader that has only the one file", async () => {
  const image = `${scratch.path}/image`;
  await skopeo(["copy", "--src-tls-verify=false", `docker://${registry.endpoint}/fedora@${base.digest}`, `dir:${image}`]);
  const manifest = JSON.parse(await readFile(`${image}/manifest.json`, "utf8"));
  await runProgram("mkdir", [`${image}/tree`]);
  await runProgram("tar", ["-xzf", `${image}/${manifest.layers[0].digest.slice(7)}`, "-C", `${image}/tree`, "./usr/lib/sysimage/rpm"]);
  expect((await runProgram("ls", ["-A", `${image}/tree/usr/lib/sysimage/rpm`])).stdout).toBe("rpmdb.sqlite\n");
  const database = new DatabaseSync(`${image}/tree/usr/lib/sysimage/rpm/rpmdb.sqlite`, { readOnly: true });
  expect(database.prepare("SELECT count(*) AS packages FROM Packages").get()).toEqual({ packages: 6 });
  database.close();
});

test("a second run makes the same image out of the cache, and pushes nothing that is there", async () => {
  const uploads = async () => (await readFile(registry.logFile, "utf8")).match(/"POST \/v2\/fedora\/blobs\/uploads\//g);
  expect(await uploads()).toHaveLength(2);
  const second = await ensureBaseImage(request());
  expect(second.digest).toBe(base.digest);
  const fresh = await ensureBaseImage({ ...request(), cacheDirectory: join(scratch.path, "other") });
  expect(fresh.digest).toBe(base.digest);
  expect(await uploads()).toHaveLength(2);
}, 60_000);

test("a Dockerfile can upgrade a package without any network, and the image's database then lists the new one", async () => {
  const upgrade = await greetingUpgrade("2.0", join(scratch.path, "rpms"));
  const template = `FROM ${registry.endpoint}/fedora@${base.digest}
USER 65534
RUN rpm -q greeting && cat /usr/share/greeting/text && rpm -V greeting && bash -c 'echo $DISTTAG' && id -u
`;
  const dockerfile = addUpgrade(template, upgrade);
  const context = pack();
  context.entry({ name: "Dockerfile" }, dockerfile);
  context.entry({ name: `packages/${upgrade.fileName}` }, await readFile(upgrade.file));
  context.finalize();
  const said = await build(context);
  expect(said).toContain("greeting-2.0-1.noarch\n");
  expect(said).not.toContain("greeting-1.0");
  expect(said).toContain("Hello from version 2.0\n");
  expect(said).toContain("f42container\n65534\n");
}, 60_000);

test("the upgrade goes before USER, in the last stage", () => {
  const dockerfile = "FROM a AS b\nRUN b\nFROM c\nUSER 65534\n";
  expect(addUpgrade(dockerfile, { dockerfileLines: "RUN rpm -U x\n" })).toBe("FROM a AS b\nRUN b\nFROM c\n\nRUN rpm -U x\nUSER 65534\n");
});

async function build(context: Pack): Promise<string> {
  const tag = `flibs-test-base-image:${basename(scratch.path).toLowerCase()}`;
  const stream = await docker.buildImage(context as unknown as NodeJS.ReadableStream, {
    t: tag,
    networkmode: "none",
    nocache: true,
    forcerm: true,
  });
  const lines = await new Promise<readonly { stream?: string; error?: string }[]>((resolve, reject) => {
    docker.modem.followProgress(stream, (error, output) => (error ? reject(error) : resolve(output)));
  });
  await docker
    .getImage(tag)
    .remove({ force: true })
    .catch(() => undefined);
  return lines.map((line) => line.stream ?? line.error ?? "").join("");
}

test("where Fedora's registry answers, the real image is used and nothing is pushed", async () => {
  const asked: (string | undefined)[] = [];
  const fedora = createServer((message, response) => {
    asked.push(message.url);
    response.end("{}");
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => fedora.once("listening", resolve));
  const fedoraUrl = `http://127.0.0.1:${(fedora.address() as AddressInfo).port}`;
  const real = await ensureBaseImage({ ...request(), registry: "127.0.0.1:1", fedoraUrl, tag: "44" });
  fedora.close();
  fedora.closeAllConnections();
  expect(asked).toEqual(["/v2/fedora/manifests/44"]);
  expect(real).toMatchObject({
    standIn: false,
    reference: "registry.fedoraproject.org/fedora:44",
    parent: { prefix: "registry.fedoraproject.org/" },
  });
});

test("a registry that never answers costs no more than the patience", async () => {
  const silent = createServer(() => undefined).listen(0, "127.0.0.1");
  await new Promise((resolve) => silent.once("listening", resolve));
  const fedoraUrl = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const stood = await ensureBaseImage({ ...request(), fedoraUrl, patienceMs: 50 });
  silent.close();
  silent.closeAllConnections();
  expect(stood.standIn).toBe(true);
});

test("the same RPM made twice is the same bytes", async () => {
  const files = join(scratch.path, "files");
  await stageGreeting(files, "3.0");
  const make = (output: string) =>
    makeRpm({
      name: "greeting",
      version: "3.0",
      release: "1",
      summary: "S",
      license: "MIT",
      files,
      arch: "noarch",
      output: join(scratch.path, output),
    });
  const [first, second] = [await make("one"), await make("two")];
  expect(basename(first)).toBe("greeting-3.0-1.noarch.rpm");
  expect(await readFile(first)).toEqual(await readFile(second));
});
