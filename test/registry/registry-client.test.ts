import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { digestOf } from "../../src/domain/digest.ts";
import { type RegistryClientOptions, registryClient } from "../../src/registry/registry-client.ts";
import { type FakeRegistryOptions, startFakeRegistry } from "../fakes/registry.ts";
import { manifestOf, putImage } from "../support/registry-image.ts";

const oci = "application/vnd.oci.image.manifest.v1+json";
const credential = { username: "alice", password: "open-sesame" };

async function world(options: FakeRegistryOptions = {}, more: Partial<RegistryClientOptions> = {}) {
  const fake = await startFakeRegistry(options);
  const waits: number[] = [];
  let now = Date.parse("2026-01-01T00:00:00Z");
  const delay = async (ms: number) => {
    waits.push(ms);
    now += ms;
  };
  const retry = { delay, random: () => 0, now: () => now, ...more.retry };
  const client = registryClient({ endpoint: fake.endpoint, plainHttp: true, ...credential, ...more, retry });
  const close = async () => {
    client.close();
    await fake[Symbol.asyncDispose]();
  };
  const pass = (ms: number) => {
    now += ms;
  };
  return { fake, client, waits, pass, [Symbol.asyncDispose]: close };
}

test("busy answers are waited out as the registry asks, in seconds or as a date", async () => {
  await using w = await world();
  w.fake.flaws.answers.push(
    { match: /HEAD/, times: 1, status: 429, headers: { "retry-after": "7" } },
    { match: /HEAD/, times: 1, status: 503, headers: { "retry-after": "Thu, 01 Jan 2026 00:00:20 GMT" } },
  );
  expect(await w.client.findManifest("f40/app", "1")).toBeUndefined();
  expect(w.waits[0]).toBeGreaterThanOrEqual(7000);
  expect((w.waits[0] ?? 0) + (w.waits[1] ?? 0)).toBeGreaterThanOrEqual(20_000);
});

test("a registry that stays broken is registry.unreachable after five tries", async () => {
  await using w = await world();
  w.fake.flaws.answers.push({ match: /HEAD/, times: 100, status: 500 });
  await expect(w.client.findManifest("f40/app", "1")).rejects.toMatchObject({ code: "registry.unreachable", kind: "transient" });
  expect(w.fake.requests).toHaveLength(5);
});

test("a Retry-After beyond the budget is left to the run", async () => {
  await using w = await world();
  w.fake.flaws.answers.push({ match: /HEAD/, times: 1, status: 429, headers: { "retry-after": "3600" } });
  await expect(w.client.findManifest("f40/app", "1")).rejects.toMatchObject({ details: { retryAfterMs: 3_600_000 } });
  expect(w.waits).toEqual([]);
});

test("a port where nobody listens is registry.unreachable", async () => {
  const w = await world();
  await w[Symbol.asyncDispose]();
  await expect(w.client.listTags("f40/app")).rejects.toMatchObject({ code: "registry.unreachable" });
});

test("a registry that goes silent before or in the middle of its answer is asked again, then given up", async () => {
  await using w = await world({}, { limits: { headersMs: 30, idleMs: 30 } });
  const digest = await w.client.putBlob("f40/app", randomBytes(1000));
  Object.assign(w.fake.flaws, { silent: 1, stalledBlobs: 1 });
  expect(await w.client.readBlob("f40/app", digest, 1000)).toHaveLength(1000);
  w.fake.flaws.silent = 100;
  await expect(w.client.hasBlob("f40/app", digest)).rejects.toMatchObject({ code: "registry.unreachable" });
});

describe("a registry that drips", () => {
  const limits = { idleMs: 5000, bodyMs: 60, leastBytesPerSecond: 100_000 };
  const refused = { code: "registry.unreachable", message: expect.stringContaining("silent or too slow in the middle of its answer") };
  const once = { retries: 0 };

  test.each([
    { what: "tags", match: /tags/ },
    { what: "a blob", match: /blobs/ },
    { what: "a token", match: /token/ },
  ])("byte by byte gives $what is given up, although it is never silent", async ({ match }) => {
    await using w = await world({ tokenAuth: credential }, { limits, retry: once });
    w.fake.flaws.drips.push({ match, everyMs: 5 });
    const asked = match.test("blobs") ? w.client.readBlob("f40/app", digestOf("x"), 1000) : w.client.listTags("f40/app");
    await expect(asked).rejects.toMatchObject(refused);
  });

  test("gives no head at all, is given up sooner for a look than for an upload", async () => {
    await using w = await world({}, { limits: { lookMs: 30, headersMs: 60_000 }, retry: once });
    w.fake.flaws.silent = 1;
    await expect(w.client.hasBlob("f40/app", digestOf("x"))).rejects.toMatchObject({ code: "registry.unreachable" });
  });

  test("takes nothing of an upload is given up, its session is cancelled", async () => {
    await using w = await world({}, { limits: { idleMs: 200 }, retry: once });
    const blob = randomBytes(32 * 2 ** 20);
    w.fake.flaws.deafUploads = true;
    await expect(w.client.putBlob("f40/app", blob)).rejects.toMatchObject({
      code: "registry.unreachable",
      message: expect.stringContaining("takes it too slowly"),
    });
    expect(w.fake.openUploads()).toBe(0);
    w.fake.flaws.deafUploads = false;
    expect(await w.client.putBlob("f40/app", Buffer.from("x"))).toBe(digestOf("x"));
  });

  test("and a reader that takes its time is not the registry's fault", async () => {
    await using w = await world({}, { limits: { ...limits, idleMs: 30, bodyMs: 30 } });
    const blob = randomBytes(2 ** 20);
    const digest = await w.client.putBlob("f40/app", blob);
    let size = 0;
    for await (const chunk of await w.client.openBlob("f40/app", { digest, size: blob.length })) {
      size += chunk.length;
      // Longer than all limits together.
      if (size === chunk.length) await new Promise((done) => setTimeout(done, 120));
    }
    expect(size).toBe(blob.length);
  });
});

test("RG10: a token is asked for once and used for all requests of its scope", async () => {
  await using w = await world({ tokenAuth: credential });
  for (let time = 0; time < 3; time += 1) await w.client.hasBlob("f40/app", digestOf("x"));
  await Promise.all([1, 2, 3].map(() => w.client.listTags("f41/app")));
  expect(w.fake.tokens.requests).toHaveLength(2);
});

test("RG10: without expires_in a token is good for a minute, and a new one is taken before the end", async () => {
  await using w = await world({ tokenAuth: credential });
  await w.client.hasBlob("f40/app", digestOf("x"));
  w.pass(49_000);
  await w.client.hasBlob("f40/app", digestOf("x"));
  expect(w.fake.tokens.requests).toHaveLength(1);
  w.pass(2000);
  await w.client.hasBlob("f40/app", digestOf("x"));
  expect(w.fake.tokens.requests).toHaveLength(2);
});

test("DG4: all four types are asked for each time, so that no registry has a reason to convert", async () => {
  await using w = await world();
  const image = await putImage(w.client, "f40/app", oci);
  await w.client.putManifest("f40/app", "1", image);
  w.fake.accepts.length = 0;
  await w.client.findManifest("f40/app", "1");
  await w.client.readManifest("f40/app", "1");
  const types = ["oci.image.index.v1", "oci.image.manifest.v1", "docker.distribution.manifest.list.v2", "docker.distribution.manifest.v2"];
  const asked = w.fake.accepts.map((one) => one?.split(", ").toSorted());
  expect(asked).toEqual([0, 1].map(() => types.map((type) => `application/vnd.${type}+json`).toSorted()));
});

test("DG5: a manifest with spaces and an order of its own keeps its bytes and digest", async () => {
  await using w = await world();
  const { bytes } = await putImage(w.client, "f40/app", oci);
  const parsed = Object.entries(JSON.parse(Buffer.from(bytes).toString())).toReversed();
  const odd = Buffer.from(`\n${JSON.stringify(Object.fromEntries(parsed), undefined, 7)}  \n`);
  const manifest = { mediaType: oci, bytes: odd, digest: digestOf(odd) };
  expect(await w.client.putManifest("f40/app", "1", manifest)).toBe(digestOf(odd));
  expect(Buffer.from((await w.client.readManifest("f40/app", "1")).bytes).equals(odd)).toBe(true);
});

test("DG8: a token that dies early, also under an upload, is replaced", async () => {
  await using w = await world({ tokenAuth: credential });
  await w.client.hasBlob("f40/app", digestOf("x"));
  w.fake.tokens.revokeAll();
  await w.client.hasBlob("f40/app", digestOf("x"));
  const bytes = randomBytes(100_000);
  let opened = 0;
  await w.client.uploadBlob("f40/app", { digest: digestOf(bytes), size: bytes.length }, async () => {
    opened += 1;
    if (opened === 1) w.fake.tokens.revokeAll();
    return Readable.from([bytes.subarray(0, 50_000), bytes.subarray(50_000)]);
  });
  expect(opened).toBe(2);
  expect(w.fake.repository("f40/app").blobs.get(digestOf(bytes))?.equals(bytes)).toBe(true);
  expect(w.fake.openUploads()).toBe(0);
});

test("RG2: a mount asks for both repositories in one token", async () => {
  await using w = await world({ tokenAuth: credential });
  const digest = await w.client.putBlob("containers/app", randomBytes(10));
  expect(await w.client.mountBlob("f40/app", digest, "containers/app")).toBe(true);
  const asked = new URL(w.fake.tokens.requests.at(-1) ?? "", "http://fake").searchParams.getAll("scope");
  expect(asked).toEqual(["repository:containers/app:pull", "repository:f40/app:pull,push"]);
});

test("a wrong password is registry.denied, with no secret in the message", async () => {
  for (const options of [{ tokenAuth: credential }, { basicAuth: credential }]) {
    await using w = await world(options, { password: "wrong-guess" });
    const error = await w.client.listTags("f40/app").catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "registry.denied" });
    expect(JSON.stringify([String(error), error])).not.toMatch(/wrong-guess|Basic|Bearer/);
  }
});

test("a scope that is not granted is registry.denied, not an endless exchange", async () => {
  await using w = await world({ tokenAuth: { ...credential, withheld: ["repository:f40/app:push"] } });
  await expect(w.client.putBlob("f40/app", Buffer.from("x"))).rejects.toMatchObject({ code: "registry.denied" });
  expect(w.fake.requests.length).toBeLessThan(10);
});

test("a token server on plain HTTP never sees the password of an HTTPS registry", async () => {
  const { authorization } = await import("../../src/registry/authorization.ts");
  const request = () => Promise.reject(new Error("was asked"));
  const options = { endpoint: "registry.example.test", plainHttp: false, ...credential, headers: {}, now: () => 0 };
  const who = authorization({ ...options, transport: { request, close() {} } });
  const renewed = who.renew('Bearer realm="http://tokens.example.test/",service="x"', ["repository:a:pull"]);
  await expect(renewed).rejects.toMatchObject({ code: "registry.answer-invalid" });
});

test("storage that a registry redirects to does not get the credential", async () => {
  await using storage = await startFakeRegistry();
  await using w = await world({ basicAuth: credential });
  const bytes = randomBytes(1000);
  const digest = await w.client.putBlob("f40/app", bytes);
  storage.repository("f40/app").blobs.set(digest, bytes);
  w.fake.flaws.redirectBlobsTo = `http://${storage.endpoint}`;
  expect(await w.client.readBlob("f40/app", digest, 1000)).toHaveLength(1000);
  expect(storage.authorizations).toEqual([undefined]);
});

test("redirects that go round in circles end", async () => {
  await using w = await world();
  w.fake.flaws.redirectBlobsTo = `http://${w.fake.endpoint}`;
  const digest = await w.client.putBlob("f40/app", Buffer.from("x"));
  await expect(w.client.readBlob("f40/app", digest, 10)).rejects.toMatchObject({ code: "registry.answer-invalid" });
});

const lies = [
  {
    name: "HTML with 200",
    status: 200,
    headers: { "content-type": "text/html" },
    body: "<h1>Sign in</h1>",
    code: "registry.answer-invalid",
  },
  {
    name: "a manifest of schema 1, which it made of what it has (DG4)",
    status: 200,
    headers: { "content-type": "application/vnd.docker.distribution.manifest.v1+prettyjws" },
    body: '{"schemaVersion":1}',
    code: "registry.answer-invalid",
  },
  { name: "another manifest", status: 200, headers: { "content-type": oci }, body: "{}", code: "registry.digest-mismatch" },
  { name: "no media type", status: 200, headers: {}, body: "{}", code: "registry.answer-invalid" },
  {
    name: "a digest header that does not fit the bytes",
    status: 200,
    headers: { "content-type": oci, "docker-content-digest": digestOf("other") },
    body: "{}",
    code: "registry.digest-mismatch",
  },
  {
    name: "gzip that was not asked for",
    status: 200,
    headers: { "content-type": oci, "content-encoding": "gzip" },
    body: gzipSync("{}"),
    code: "registry.answer-invalid",
  },
  {
    name: "five megabytes of manifest",
    status: 200,
    headers: { "content-type": oci },
    body: " ".repeat(5 * 2 ** 20),
    code: "registry.answer-invalid",
  },
  { name: "a redirect to a file", status: 302, headers: { location: "file:///etc/passwd" }, body: "", code: "registry.answer-invalid" },
  { name: "403", status: 403, headers: {}, body: '{"errors":[{"code":"DENIED","message":"no\\u001b[2J"}]}', code: "registry.denied" },
  { name: "teapot", status: 418, headers: {}, body: "", code: "registry.refused" },
];
test.each(lies)("asked for a manifest, a registry answers with $name", async ({ status, headers, body, code }) => {
  await using w = await world();
  w.fake.flaws.answers.push({ match: /GET/, times: 9, status, headers, body });
  const error = await w.client.readManifest("f40/app", digestOf("asked")).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code });
  expect(String(error)).not.toContain("\u001b");
});

test("every page of tags is read, in the registry's order", async () => {
  await using w = await world();
  w.fake.flaws.pageSize = 2;
  const manifest = await putImage(w.client, "f40/app", oci);
  const tags = ["5", "1", "4", "2", "3"];
  for (const tag of tags) await w.client.putManifest("f40/app", tag, manifest);
  expect(await w.client.listTags("f40/app")).toEqual(tags);
});

test("paging that never ends, or goes elsewhere, is stopped", async () => {
  await using w = await world();
  const page = { match: /tags/, times: 5000, status: 200, body: '{"tags":["1"]}' };
  for (const link of ['</v2/f40/app/tags/list?n=1&last=1>; rel="next"', '<http://elsewhere.example.test/>; rel="next"']) {
    w.fake.flaws.answers.splice(0, 9, { ...page, headers: { link } });
    await expect(w.client.listTags("f40/app")).rejects.toMatchObject({ code: "registry.answer-invalid" });
  }
  expect(w.fake.requests.length).toBeLessThan(10);
});

test("RG9: the referrers API is read page by page and filtered here when the registry did not", async () => {
  await using w = await world();
  Object.assign(w.fake.flaws, { referrersApi: true, filterReferrers: false, pageSize: 1 });
  const subject = await putImage(w.client, "f40/app", oci);
  await w.client.putManifest("f40/app", "1", subject);
  for (const artifactType of ["a/b", "c/d", "a/b"]) {
    const image = JSON.parse(Buffer.from((await putImage(w.client, "f40/app", oci)).bytes).toString());
    const referrer = manifestOf({
      ...image,
      artifactType,
      subject: { mediaType: oci, digest: subject.digest, size: subject.bytes.length },
    });
    await w.client.putManifest("f40/app", referrer.digest, referrer);
  }
  expect(await w.client.listReferrers("f40/app", subject.digest)).toHaveLength(3);
  expect((await w.client.listReferrers("f40/app", subject.digest, "a/b")).map((one) => one.artifactType)).toEqual(["a/b", "a/b"]);
});

test("DG1: an immutable tag that the registry protects is a clear refusal, not tried again", async () => {
  await using w = await world();
  w.fake.flaws.immutableTags = true;
  for (const outcome of ["put", "refused"]) {
    const manifest = await putImage(w.client, "f40/app", oci);
    const put = w.client.putManifest("f40/app", "1-1", manifest);
    if (outcome === "put") await put;
    else await expect(put).rejects.toMatchObject({ code: "registry.refused" });
  }
  expect(w.fake.requests.filter((one) => one.startsWith("PUT /v2/f40/app/manifests/1-1"))).toHaveLength(2);
});

test("a layer that a proxy finds too large goes in pieces", async () => {
  await using w = await world();
  w.fake.flaws.answers.push({ match: /^PUT .*blobs/, times: 1, status: 413 });
  const bytes = randomBytes(9 * 1024 * 1024);
  expect(await w.client.putBlob("f40/app", bytes)).toBe(digestOf(bytes));
  expect(w.fake.requests.filter((one) => one.startsWith("PATCH"))).toHaveLength(2);
  expect(w.fake.openUploads()).toBe(0);
});

test.each([{ name: "../../v2/other" }, { name: "App" }, { name: "app?x=1" }, { name: "a/../b" }, { name: "" }])(
  "DG14: repository $name never becomes a request",
  async ({ name }) => {
    await using w = await world();
    await expect(w.client.findManifest(name, "1")).rejects.toMatchObject({ code: "domain.reference-invalid" });
    await expect(w.client.findManifest("app", "../1")).rejects.toMatchObject({ code: "domain.reference-invalid" });
    expect(w.fake.requests).toEqual([]);
  },
);
