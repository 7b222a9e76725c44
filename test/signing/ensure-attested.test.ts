import { expect, test } from "@jest/globals";
import { digestOf } from "../../src/domain/digest.ts";
import { appError } from "../../src/domain/errors.ts";
import { fallbackTag } from "../../src/registry/referrer-index.ts";
import type { ReferrerRegistry } from "../../src/registry/referrers.ts";
import type { Manifest } from "../../src/registry/registry.ts";
import { registryClient } from "../../src/registry/registry-client.ts";
import { turnsOfOneProcess } from "../../src/registry/turns.ts";
import { ensureAttested } from "../../src/signing/ensure-attested.ts";
import { formatStatement } from "../../src/signing/statement.ts";
import { startFakeRegistry } from "../fakes/registry.ts";
import { putImage } from "../support/registry-image.ts";

const never = new AbortController().signal;
const repository = "containers/app";
const oci = "application/vnd.oci.image.manifest.v1+json";

async function place() {
  const fake = await startFakeRegistry();
  const client = registryClient({ endpoint: fake.endpoint, plainHttp: true });
  const image = await putImage(client, repository, oci);
  await client.putManifest(repository, image.digest, image);
  const subject = { mediaType: image.mediaType, digest: image.digest, size: image.bytes.length };
  const wanted = ["provenance", "spdx", "cyclonedx"].map((name) => {
    const statement = formatStatement("pkg:oci/app", image.digest, `https://example.test/${name}`, {});
    const unsigned = { mediaType: `application/vnd.example.${name}+json`, text: statement };
    return {
      subject,
      predicateType: `https://example.test/${name}`,
      statement,
      unsigned,
      key: digestOf(name),
      createdAt: "2026-01-01T00:00:00Z",
    };
  });
  const attached = async () => (await client.listReferrers(repository, image.digest)).map(({ artifactType }) => artifactType).sort();
  const close = async () => {
    client.close();
    await fake[Symbol.asyncDispose]();
  };
  return { client, image, wanted, attached, [Symbol.asyncDispose]: close };
}

const names = (wanted: readonly { readonly unsigned: { readonly mediaType: string } }[]) =>
  wanted.map(({ unsigned }) => unsigned.mediaType).sort();

test("everything is attached, and a second call adds nothing", async () => {
  await using at = await place();
  const to = { registry: at.client, turns: turnsOfOneProcess(), repository };
  const first = await ensureAttested(to, [], at.wanted, never);
  expect(first.map(({ added }) => added)).toEqual([true, true, true]);
  expect(await at.attached()).toEqual(names(at.wanted));
  const second = await ensureAttested(to, [], at.wanted, never);
  expect(second).toEqual(first.map((one) => ({ ...one, added: false })));
});

test("a blob that comes again while a manifest names it makes nothing unknown", async () => {
  await using at = await place();
  // As docker-registry does: the blob's link is empty for an instant.
  const coming = new Map<string, number>();
  const counts: string[] = [];
  let refused = 0;
  const hasty: ReferrerRegistry = {
    ...at.client,
    async putBlob(where, bytes) {
      const digest = digestOf(bytes);
      counts.push(digest);
      coming.set(digest, (coming.get(digest) ?? 0) + 1);
      const put = await at.client.putBlob(where, bytes);
      coming.set(digest, (coming.get(digest) ?? 1) - 1);
      return put;
    },
    async putReferrer(where, artifact) {
      const { config, layers } = JSON.parse(Buffer.from(artifact.bytes).toString());
      // Somebody else's comes in the first moment, too.
      if (refused === 0 || [config, ...layers].some(({ digest }) => (coming.get(digest) ?? 0) > 0)) {
        refused += 1;
        throw appError("registry.refused", "PUT answered 400: MANIFEST_BLOB_UNKNOWN");
      }
      return await at.client.putReferrer(where, artifact);
    },
  };
  // Of a list and of its platform the same is said: one document for both.
  const [first, ...others] = at.wanted;
  const wanted = [...at.wanted, ...others.map((one) => ({ ...one, unsigned: first?.unsigned ?? one.unsigned }))];
  await ensureAttested({ registry: hasty, turns: turnsOfOneProcess(), repository }, [], wanted, never);
  expect(refused).toBe(1);
  expect(new Set(counts).size).toBe(counts.length);
});

/** A list of referrers as a process had read it before most of the entries came. */
function withOneEntry(list: Manifest): Manifest {
  const { manifests, ...rest } = JSON.parse(Buffer.from(list.bytes).toString());
  const bytes = Buffer.from(JSON.stringify({ ...rest, manifests: manifests.slice(0, 1) }));
  return { mediaType: list.mediaType, bytes, digest: digestOf(bytes) };
}

test("a list that a killed process had on its way, and that arrives last, takes nothing away for good", async () => {
  await using at = await place();
  const tag = fallbackTag(at.image.digest);
  let arrived = false;
  const late: ReferrerRegistry = {
    ...at.client,
    async putManifest(where, name, manifest) {
      const put = await at.client.putManifest(where, name, manifest);
      if (name === tag && !arrived) {
        arrived = true;
        await at.client.putManifest(where, tag, withOneEntry(manifest));
      }
      return put;
    },
  };
  const attested = await ensureAttested({ registry: late, turns: turnsOfOneProcess(), repository }, [], at.wanted, never);
  expect(arrived).toBe(true);
  expect(attested).toHaveLength(3);
  expect(await at.attached()).toEqual(names(at.wanted));
});

test("nor when all was there at the first look, since a process before this one was killed, too", async () => {
  await using at = await place();
  const tag = fallbackTag(at.image.digest);
  await ensureAttested({ registry: at.client, turns: turnsOfOneProcess(), repository }, [], at.wanted, never);
  let arrived = false;
  const late: ReferrerRegistry = {
    ...at.client,
    async listReferrers(where, subject) {
      const listed = await at.client.listReferrers(where, subject);
      if (!arrived) {
        arrived = true;
        await at.client.putManifest(where, tag, withOneEntry(await at.client.readManifest(where, tag)));
      }
      return listed;
    },
  };
  const attested = await ensureAttested({ registry: late, turns: turnsOfOneProcess(), repository }, [], at.wanted, never);
  expect(attested.map(({ added }) => added)).toEqual([false, false, false]);
  expect(await at.attached()).toEqual(names(at.wanted));
});

test("all that is attached to one image is one change of its list", async () => {
  await using at = await place();
  const tag = fallbackTag(at.image.digest);
  const written: string[] = [];
  const counting: ReferrerRegistry = {
    ...at.client,
    async putManifest(where, name, manifest) {
      written.push(name);
      return await at.client.putManifest(where, name, manifest);
    },
  };
  await ensureAttested({ registry: counting, turns: turnsOfOneProcess(), repository }, [], at.wanted, never);
  expect(written.filter((name) => name === tag)).toHaveLength(1);
});

test("what is there already is listed, also when the rest can't be attached", async () => {
  await using at = await place();
  const [, second] = at.wanted;
  const refusing: ReferrerRegistry = {
    ...at.client,
    async putBlob(where, bytes) {
      if (Buffer.from(bytes).toString() === second?.statement) throw appError("registry.refused", "too large");
      return await at.client.putBlob(where, bytes);
    },
  };
  const to = { registry: refusing, turns: turnsOfOneProcess(), repository };
  await expect(ensureAttested(to, [], at.wanted, never)).rejects.toMatchObject({ code: "registry.refused" });
  expect(await at.attached()).toEqual(names(at.wanted.filter((one) => one !== second)));
});

test("a registry whose own list does not tell of what was attached is not asked again and again", async () => {
  await using at = await place();
  let looks = 0;
  const silent: ReferrerRegistry = {
    ...at.client,
    async listReferrers() {
      looks += 1;
      return [];
    },
  };
  const attested = await ensureAttested({ registry: silent, turns: turnsOfOneProcess(), repository }, [], at.wanted, never);
  expect(attested).toHaveLength(3);
  expect(looks).toBeLessThan(5);
  expect(await at.attached()).toEqual(names(at.wanted));
});
