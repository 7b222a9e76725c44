import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type Digest, digestOf } from "../../src/domain/digest.ts";
import { isAppError } from "../../src/domain/errors.ts";
import { formatArtifact, parseArtifact } from "../../src/registry/artifact-manifest.ts";
import { addReferrer, digestsIn, dropReferrers, fallbackTag, keepTag, parseReferrers } from "../../src/registry/referrer-index.ts";
import type { Manifest, ReferrerDescriptor } from "../../src/registry/registry.ts";
import { registryClient } from "../../src/registry/registry-client.ts";
import { type Turns, turnsOfOneProcess } from "../../src/registry/turns.ts";
import { startFakeRegistry } from "../fakes/registry.ts";
import { attachText } from "../support/attach-text.ts";
import { describeManifest, manifestOf, putImage } from "../support/registry-image.ts";
import { turnTest } from "../support/turn-test.ts";

const oci = "application/vnd.oci.image.manifest.v1+json";
const index = "application/vnd.oci.image.index.v1+json";
const repository = "f40/app";

async function world() {
  const fake = await startFakeRegistry();
  const client = registryClient({ endpoint: fake.endpoint, plainHttp: true, retry: { delay: async () => {} } });
  const subject = await putImage(client, repository, oci);
  await client.putManifest(repository, subject.digest, subject);
  const attach = (text: string, turns?: Turns) => attachText(client, repository, describeManifest(subject), text, "text/plain", turns);
  const list = async () => (await client.listReferrers(repository, subject.digest)).map((one) => one.digest);
  const close = async () => {
    client.close();
    await fake[Symbol.asyncDispose]();
  };
  return { fake, client, subject, attach, list, tag: fallbackTag(subject.digest), [Symbol.asyncDispose]: close };
}

describe("the fallback tag", () => {
  test("keeps what others wrote, also what flibs knows nothing about", async () => {
    await using w = await world();
    const foreign = await putImage(w.client, repository, oci);
    await w.client.putManifest(repository, foreign.digest, foreign);
    const theirs = {
      ...describeManifest(foreign),
      annotations: { "org.example": "1" },
      platform: { os: "x", architecture: "y" },
      data: "aGk=",
    };
    await w.client.putManifest(
      repository,
      w.tag,
      manifestOf({ schemaVersion: 2, mediaType: index, annotations: { a: "b" }, manifests: [theirs] }),
    );
    const own = await w.attach("ours");
    const stored = JSON.parse(Buffer.from((await w.client.readManifest(repository, w.tag)).bytes).toString("utf8"));
    expect(stored).toMatchObject({
      schemaVersion: 2,
      mediaType: index,
      annotations: { a: "b" },
      manifests: [theirs, { digest: own.digest }],
    });
    expect(stored.manifests[0]).toEqual(theirs);
  });

  test("is not written again when everything is there", async () => {
    await using w = await world();
    await w.attach("once");
    const before = w.fake.requests.length;
    await w.attach("once");
    expect(
      w.fake.requests
        .slice(before)
        .filter((one) => one.startsWith("PUT"))
        .filter((one) => one.includes(w.tag)),
    ).toEqual([]);
  });

  test("an update that somebody else's write took away is made again", async () => {
    await using w = await world();
    const theirs = await w.attach("theirs");
    const before = await w.client.readManifest(repository, w.tag);
    let times = 2;
    // Who takes no turns writes right after us what they had read before.
    const rude = {
      ...w.client,
      putManifest: async (where: string, reference: string, manifest: Manifest) => {
        const put = await w.client.putManifest(where, reference, manifest);
        if (reference === w.tag && times-- > 0) await w.client.putManifest(where, reference, before);
        return put;
      },
    };
    const own = await attachText(rude, repository, describeManifest(w.subject), "ours", "text/plain");
    expect(times).toBeLessThanOrEqual(0);
    expect(new Set(await w.list())).toEqual(new Set([theirs.digest, own.digest]));
  });

  test("that is changed all the time is given up, to be tried again by the run", async () => {
    await using w = await world();
    await w.attach("theirs");
    const before = await w.client.readManifest(repository, w.tag);
    const rude = {
      ...w.client,
      putManifest: async (where: string, reference: string, manifest: Manifest) => {
        const put = await w.client.putManifest(where, reference, manifest);
        if (reference === w.tag) await w.client.putManifest(where, reference, before);
        return put;
      },
    };
    const attaching = attachText(rude, repository, describeManifest(w.subject), "ours", "text/plain");
    await expect(attaching).rejects.toMatchObject({ code: "registry.referrers-contended", kind: "transient" });
  });

  test("that holds something else than an index is left as it is", async () => {
    await using w = await world();
    await w.client.putManifest(repository, w.tag, w.subject);
    await expect(w.attach("ours")).rejects.toMatchObject({ code: "registry.manifest-invalid" });
    expect((await w.client.findManifest(repository, w.tag))?.digest).toBe(w.subject.digest);
  });

  test("an entry that leads nowhere keeps nobody from being listed", async () => {
    await using w = await world();
    const [lost, kept] = [await w.attach("lost"), await w.attach("kept")];
    await w.client.deleteManifest(repository, lost.digest);
    const own = await w.attach("ours");
    expect(await w.list()).toEqual([kept.digest, own.digest]);
  });

  turnTest("of 10,000 entries is read, and one more is added as long as there is room", async () => {
    await using w = await world();
    const entries = Array.from({ length: 10_000 }, (_, i) => ({ mediaType: oci, digest: digestOf(`${i}`), size: 1, artifactType: "a/b" }));
    for (const { digest } of entries) w.fake.repository(repository).manifests.set(digest, { mediaType: oci, bytes: Buffer.from("{}") });
    await w.client.putManifest(repository, w.tag, manifestOf({ schemaVersion: 2, mediaType: index, manifests: entries }));
    expect(await w.list()).toHaveLength(10_000);
    const own = await w.attach("ours");
    expect(await w.list()).toHaveLength(10_001);
    expect((await w.list()).at(-1)).toBe(own.digest);
  });

  test("without room for another entry is not cut", async () => {
    const fill = "x".repeat(4 * 1024 * 1024 - 200);
    const full = manifestOf({ schemaVersion: 2, mediaType: index, annotations: { fill }, manifests: [] });
    expect(() => addReferrer(full, entryOf("ours"))).toThrow(/no room/);
  });

  test("turns are taken by name: two digests are changed at once, one digest by one writer after the other", async () => {
    const turns = turnsOfOneProcess();
    const order: string[] = [];
    const work = (name: string) => async () => {
      order.push(`begin ${name}`);
      await new Promise((resolve) => setImmediate(resolve));
      order.push(`end ${name}`);
      if (name === "a2") throw new Error("broken");
      return name;
    };
    const all = [turns.take("a", work("a1")), turns.take("a", work("a2")), turns.take("b", work("b1")), turns.take("a", work("a3"))];
    expect((await Promise.allSettled(all)).map((one) => one.status)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled"]);
    expect(order.filter((one) => !one.endsWith("b1"))).toEqual(["begin a1", "end a1", "begin a2", "end a2", "begin a3", "end a3"]);
    expect(order.indexOf("begin b1")).toBeLessThan(order.indexOf("end a1"));
  });
});

describe("a registry with the referrers API", () => {
  test("keeps its own list: no tag is written", async () => {
    await using w = await world();
    w.fake.flaws.referrersApi = true;
    const own = await w.attach("ours");
    expect(await w.list()).toEqual([own.digest]);
    expect(await w.client.listTags(repository)).toEqual([]);
  });

  test("that names another subject than was put is not believed", async () => {
    await using w = await world();
    const headers = { "oci-subject": digestOf("another") };
    w.fake.flaws.answers.push({ match: /^PUT .*manifests\/sha256:/, times: 1, status: 201, headers });
    await expect(w.attach("ours")).rejects.toMatchObject({ kind: "internal" });
  });

  test("the list is read to its end, and filtered by the registry when it says so", async () => {
    await using w = await world();
    Object.assign(w.fake.flaws, { referrersApi: true, pageSize: 2 });
    for (const text of ["1", "2", "3", "4", "5"]) await w.attach(text);
    expect(await w.list()).toHaveLength(5);
    expect(await w.client.listReferrers(repository, w.subject.digest, "text/plain")).toHaveLength(5);
    expect(await w.client.listReferrers(repository, w.subject.digest, "text/html")).toEqual([]);
  });
});

turnTest("a registry that fills its lists with words is not read for as long as it talks", async () => {
  const subject = digestOf("subject");
  const start = `/v2/f40/cockpit/referrers/${subject}`;
  let asked = 0;
  const server = createServer((_request, response) => {
    asked += 1;
    const annotations = { evil: "x".repeat(15 * 2 ** 20) };
    const manifests = [{ mediaType: oci, digest: digestOf(`${asked}`), size: 1, annotations }];
    if (asked < 8) response.setHeader("link", `<${start}?page=${asked}>; rel="next"`);
    response.setHeader("content-type", index);
    response.end(JSON.stringify({ schemaVersion: 2, mediaType: index, manifests }));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const client = registryClient({ endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`, plainHttp: true });
  try {
    await expect(client.listReferrers("f40/cockpit", subject)).rejects.toMatchObject({ code: "registry.answer-invalid" });
    expect(asked).toBe(5);
  } finally {
    client.close();
    server.closeAllConnections();
    server.close();
  }
});

test("RG13: each artifact has a tag of its own, which no release can have", async () => {
  await using w = await world();
  const own = await w.attach("ours");
  expect(new Set(await w.client.listTags(repository))).toEqual(new Set([w.tag, keepTag(own.digest)]));
  expect((await w.client.findManifest(repository, keepTag(own.digest)))?.digest).toBe(own.digest);
});

const digests = fc.string().map((text) => digestOf(text));
// zod leaves `__proto__` out of what it reads, on purpose.
const texts = fc.dictionary(
  fc.string().filter((key) => key !== "__proto__"),
  fc.string(),
);
const entries: fc.Arbitrary<ReferrerDescriptor> = fc
  .record({ mediaType: fc.string(), digest: digests, size: fc.nat(), artifactType: fc.string({ minLength: 1 }), annotations: texts })
  .map((one) => ({ ...one, annotations: { ...one.annotations } }));

function entryOf(text: string): ReferrerDescriptor {
  return { mediaType: oci, digest: digestOf(text), size: 1 };
}

describe("properties", () => {
  test("adding entries one by one gives a list that reads back as them, each once, in order", () => {
    fc.assert(
      fc.property(fc.array(entries, { maxLength: 8 }), (many) => {
        let list: Manifest | undefined;
        for (const entry of many) list = addReferrer(list, entry) ?? list;
        const first = new Map<Digest, ReferrerDescriptor>();
        for (const entry of many) if (!first.has(entry.digest)) first.set(entry.digest, entry);
        const read = list === undefined ? [] : parseReferrers(JSON.parse(Buffer.from(list.bytes).toString("utf8")))?.entries;
        expect(JSON.parse(JSON.stringify(read))).toEqual(JSON.parse(JSON.stringify([...first.values()])));
      }),
    );
  });

  test("whatever stands at the tag: it is refused as a whole, or all of it is kept and our entry is the last", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.array(fc.jsonValue()), entries, (value, manifests, entry) => {
        for (const body of [value, { schemaVersion: 2, mediaType: index, manifests, more: value }]) {
          const bytes = Buffer.from(JSON.stringify(body));
          const before = { mediaType: index, bytes, digest: digestOf(bytes) };
          let after: Manifest | undefined;
          try {
            after = addReferrer(before, entry);
          } catch (error) {
            expect(isAppError(error) && error.code).toBe("registry.manifest-invalid");
            continue;
          }
          const plain = JSON.parse(JSON.stringify(body));
          const read = JSON.parse(Buffer.from(after?.bytes ?? bytes).toString("utf8"));
          expect(read.manifests.slice(0, plain.manifests?.length ?? 0)).toEqual(plain.manifests ?? []);
          expect({ ...read, manifests: [] }).toEqual({ ...plain, manifests: [] });
          expect(digestsIn(after ?? before)).toContain(entry.digest);
        }
      }),
    );
  });

  test("dropping takes away what is named and nothing else", () => {
    fc.assert(
      fc.property(fc.uniqueArray(entries, { maxLength: 8, selector: (one) => one.digest }), fc.nat(), (many, mask) => {
        let list = manifestOf({ schemaVersion: 2, mediaType: index, manifests: [] });
        for (const entry of many) list = addReferrer(list, entry) ?? list;
        const gone = new Set(many.filter((_, i) => (mask >> i) % 2 === 1).map((one) => one.digest));
        expect(digestsIn(dropReferrers(list, gone))).toEqual(many.map((one) => one.digest).filter((one) => !gone.has(one)));
      }),
    );
  });

  test("an artifact reads back as it was written; anything else is an error of ours", () => {
    const descriptors = fc.record({ mediaType: fc.string({ maxLength: 255 }), digest: digests, size: fc.nat() });
    const types = fc.string({ minLength: 1, maxLength: 255 });
    fc.assert(
      fc.property(descriptors, descriptors, types, texts, fc.jsonValue(), (subject, layer, artifactType, annotations, value) => {
        const artifact = formatArtifact({ artifactType, subject, layer, annotations });
        expect(parseArtifact(artifact)).toEqual({ artifactType, subject, layer, annotations: { ...annotations } });
        const bytes = Buffer.from(JSON.stringify(value));
        expect(() => parseArtifact({ mediaType: oci, bytes, digest: digestOf(bytes) })).toThrow(/is no artifact/);
      }),
    );
  });

  test("no list of referrers breaks the reader", () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        const read = parseReferrers(value);
        for (const entry of read?.entries ?? []) expect(entry.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
      }),
    );
  });
});
