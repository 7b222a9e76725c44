import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { aBuild, type WebWorld, webWorld } from "../support/web-world.ts";

let world: WebWorld;
beforeEach(() => {
  world = webWorld();
  world.builds.set("1", aBuild());
});
afterEach(() => world.server.close());
const get = (url: string) => world.server.inject({ method: "GET", url });

const spdx = { name: "x86_64.spdx.json", mediaType: "application/spdx+json", text: '{\n  "name": "\\u001bc\\u00f4té"\n}\n' };
const metadata = { name: "metadata.json", mediaType: "application/json", text: '{"metadata_version": 0}\n' };

test("a document comes byte for byte, with its own type and name", async () => {
  world.documents.push(metadata, spdx);
  const answer = await get("/builds/1/documents/x86_64.spdx.json");
  expect(answer.statusCode).toBe(200);
  expect(answer.rawPayload).toEqual(Buffer.from(spdx.text));
  expect(answer.headers).toMatchObject({
    "content-type": "application/spdx+json",
    "content-disposition": 'inline; filename="x86_64.spdx.json"',
    "cache-control": "no-cache",
    "x-content-type-options": "nosniff",
  });
});

test("metadata.json stands where Koji's tools look for it, too", async () => {
  world.documents.push(metadata);
  for (const url of ["/builds/1/metadata.json", "/builds/1/documents/metadata.json"]) {
    expect(await get(url)).toMatchObject({ statusCode: 200, body: metadata.text });
  }
});

test.each([
  [
    "a build of an older release",
    [],
    "no documents are kept of this build: there is none, it has not got that far, or an older release built it",
  ],
  ["another name", [metadata, spdx], "this build has metadata.json, x86_64.spdx.json"],
])("%s: what is not there is told in one line", async (_, documents, said) => {
  world.documents.push(...documents);
  const answer = await get("/builds/1/documents/%3Cscript%3E");
  expect(answer).toMatchObject({ statusCode: 404, body: `no such document; ${said}\n` });
  expect(answer.headers["content-type"]).toBe("text/plain; charset=utf-8");
});

test("a build's page and the API list them", async () => {
  world.documents.push(metadata, spdx);
  expect((await get("/builds/1")).body).toContain(
    '<tr><td><a href="/builds/1/documents/x86_64.spdx.json">x86_64.spdx.json</a></td><td>33 B</td><td class="quiet">application/spdx+json</td></tr>',
  );
  expect((await get("/api/builds/1")).json()).toMatchObject({
    documents: [
      { name: "metadata.json", mediaType: "application/json", bytes: 24 },
      { name: "x86_64.spdx.json", bytes: 33 },
    ],
  });
});

test("a build without documents, and images of an older release, have a page", async () => {
  const { body } = await get("/builds/1");
  expect(body).not.toContain("Documents");
});

test("layers, distribution and signatures stand with the image", async () => {
  const digest = `sha256:${"d".repeat(64)}` as const;
  const rpm = { name: "bash", epoch: undefined, version: "5", release: "1", arch: "x86_64", license: undefined, sourceRpm: undefined };
  const config = { user: "", entrypoint: [], cmd: [], env: [], workingDir: "", exposedPorts: [], volumes: [], stopSignal: "", labels: {} };
  const layer = {
    digest,
    mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
    compressedBytes: 2048,
    diffId: digest,
    sizeBytes: 10_240,
  };
  world.builds.set(
    "1",
    aBuild({
      images: [
        {
          ...{ platform: "linux/amd64", imageId: digest, sizeBytes: 1, diffIds: [digest], config },
          rpms: [{ ...rpm, sizeBytes: undefined, sigmd5: undefined, keyId: "6112bcdc5323552a" }],
          rpmProblem: "the <b>database</b> is odd",
          distribution: { id: "fedora", version: "42" },
          parts: { mediaType: "m", layers: [layer], imageConfig: {} },
        },
      ],
    }),
  );
  const { body } = await get("/builds/1");
  expect(body).toContain(`<ol class="layers"><li><code>${digest}</code> <span class="quiet">2.0 KiB, 10.0 KiB unpacked</span></li></ol>`);
  expect(body).toContain("<dt>Distribution</dt><dd>fedora 42</dd>");
  expect(body).toContain('<li>bash-5-1.x86_64 <span class="quiet">signed with 6112bcdc5323552a</span></li>');
  expect(body).toContain("The list of RPMs is not complete: the &lt;b&gt;database&lt;/b&gt; is odd");
});

test("a pruned log is told on the page, as plain text and as events", async () => {
  world.logs.set("1|linux/amd64", { text: "x".repeat(2048), closed: true, prunedAt: "2024-04-01T10:00:00.000Z" });
  expect((await get("/builds/1")).body).toContain(
    '<p class="none">linux/amd64: 2.0 KiB, removed on <time datetime="2024-04-01T10:00:00.000Z">2024-04-01</time>. Logs are not kept for ever; everything else of the record is.</p>',
  );
  expect(await get("/builds/1/logs/linux%2Famd64")).toMatchObject({
    statusCode: 410,
    body: "this log was removed on 2024-04-01: logs are not kept for ever, the record of the build is\n",
  });
});
