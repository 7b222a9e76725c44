import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { digestOf } from "../../src/domain/digest.ts";
import { formatIndex } from "../../src/registry/image-manifest.ts";
import type { RegistryClient } from "../../src/registry/registry-client.ts";
import { turnsOfOneProcess } from "../../src/registry/turns.ts";
import { attachText } from "../support/attach-text.ts";
import { describeManifest, manifestOf, putImage } from "../support/registry-image.ts";

export interface RegistryUnderTest {
  readonly client: RegistryClient;
  close(): Promise<void>;
}

export interface RegistryContract {
  readonly name: string;
  create(): Promise<RegistryUnderTest>;
  readonly skip?: readonly { readonly reason: string; readonly tests: readonly string[] }[];
}

const oci = "application/vnd.oci.image.manifest.v1+json";
const docker = "application/vnd.docker.distribution.manifest.v2+json";
let serial = 0;

/** What flibs relies on in every registry; runs against the fake and against the distribution's docker-registry. */
export function registryContract({ name, create, skip = [] }: RegistryContract): void {
  describe(`registry contract: ${name}`, () => {
    let made: RegistryUnderTest;
    let client: RegistryClient;
    beforeAll(async () => {
      made = await create();
      client = made.client;
    });
    afterAll(async () => {
      client.close();
      await made.close();
    });
    const fact = (title: string, run: (repository: string) => Promise<void>) => {
      const skipped = skip.find((one) => one.tests.includes(title));
      serial += 1;
      const repository = `contract/case-${serial}`;
      if (skipped === undefined) test(title, () => run(repository));
      else test.skip(`${title} (${skipped.reason})`, () => run(repository));
    };

    fact("RG3: an uploaded blob comes back byte for byte", async (repository) => {
      const bytes = randomBytes(300_000);
      const digest = await client.putBlob(repository, bytes);
      expect(digest).toBe(digestOf(bytes));
      expect(await client.hasBlob(repository, digest)).toBe(true);
      expect(Buffer.from(await client.readBlob(repository, digest, 300_000)).equals(bytes)).toBe(true);
    });

    fact("an empty blob is a blob", async (repository) => {
      const digest = await client.putBlob(repository, new Uint8Array());
      expect(await client.readBlob(repository, digest, 10)).toHaveLength(0);
    });

    fact("the end of a blob comes alone", async (repository) => {
      const bytes = randomBytes(300_000);
      const blob = { digest: await client.putBlob(repository, bytes), size: bytes.length };
      const end = await client.readBlobEnd(repository, blob, 4);
      expect(Buffer.from(end ?? []).equals(bytes.subarray(-4))).toBe(true);
      // Of a blob that has another length nobody knows where the end is.
      expect(await client.readBlobEnd(repository, { ...blob, size: 299_999 }, 4)).toBeUndefined();
      expect(await client.readBlobEnd(repository, { ...blob, size: 400_000 }, 4)).toBeUndefined();
      const absent = { digest: digestOf("nothing"), size: 7 };
      await expect(client.readBlobEnd(repository, absent, 4)).rejects.toMatchObject({ code: "registry.blob-unknown" });
    });

    fact("a blob larger than asked for is refused", async (repository) => {
      const digest = await client.putBlob(repository, randomBytes(100));
      await expect(client.readBlob(repository, digest, 99)).rejects.toMatchObject({ code: "registry.blob-too-large" });
    });

    fact("an absent blob is told apart from an error", async (repository) => {
      expect(await client.hasBlob(repository, digestOf("nothing"))).toBe(false);
      await expect(client.readBlob(repository, digestOf("nothing"), 10)).rejects.toMatchObject({ code: "registry.blob-unknown" });
    });

    fact("bytes that do not fit their digest never become a blob", async (repository) => {
      const blob = { digest: digestOf("what was promised"), size: 17 };
      const upload = client.uploadBlob(repository, blob, async () => Readable.from([Buffer.from("what was smuggled")]));
      await expect(upload).rejects.toMatchObject({ code: "registry.digest-mismatch" });
      expect(await client.hasBlob(repository, blob.digest)).toBe(false);
    });

    fact("RG1: a mount moves no bytes, and one that the registry cannot do is no success", async (repository) => {
      const digest = await client.putBlob(`${repository}/from`, randomBytes(1000));
      expect(await client.mountBlob(`${repository}/to`, digest, `${repository}/from`)).toBe(true);
      expect(await client.hasBlob(`${repository}/to`, digest)).toBe(true);
      expect(await client.mountBlob(`${repository}/to`, digestOf("unknown"), `${repository}/from`)).toBe(false);
      expect(await client.hasBlob(`${repository}/to`, digestOf("unknown"))).toBe(false);
    });

    test.each([{ mediaType: oci }, { mediaType: docker }])(
      "RG4, DG5: $mediaType comes back with its own bytes and type",
      async ({ mediaType }) => {
        const repository = `contract/type-${mediaType.includes("oci") ? "oci" : "docker"}`;
        const manifest = await putImage(client, repository, mediaType);
        expect(await client.putManifest(repository, "1", manifest)).toBe(manifest.digest);
        const back = await client.readManifest(repository, "1");
        expect({ ...back, bytes: Buffer.from(back.bytes).toString() }).toEqual({
          ...manifest,
          bytes: Buffer.from(manifest.bytes).toString(),
        });
        expect(await client.findManifest(repository, "1")).toEqual({ mediaType, digest: manifest.digest, size: manifest.bytes.length });
      },
    );

    test.each([{ mediaType: oci }, { mediaType: docker }])(
      "RG4: an index over $mediaType comes back as it was put",
      async ({ mediaType }) => {
        const repository = `contract/index-${mediaType.includes("oci") ? "oci" : "docker"}`;
        const child = await putImage(client, repository, mediaType);
        await client.putManifest(repository, child.digest, child);
        const index = formatIndex([{ descriptor: describeManifest(child), platform: { os: "linux", architecture: "amd64" } }]);
        expect(await client.putManifest(repository, index.digest, index)).toBe(index.digest);
        expect((await client.readManifest(repository, index.digest)).mediaType).toBe(index.mediaType);
      },
    );

    fact("an unknown manifest is undefined or registry.manifest-unknown", async (repository) => {
      expect(await client.findManifest(repository, "1")).toBeUndefined();
      expect(await client.findManifest(repository, digestOf("x"))).toBeUndefined();
      await expect(client.readManifest(repository, "1")).rejects.toMatchObject({ code: "registry.manifest-unknown" });
    });

    fact("RG5: a manifest under another digest than its own is never sent", async (repository) => {
      const manifest = await putImage(client, repository, oci);
      await expect(client.putManifest(repository, digestOf("other"), manifest)).rejects.toMatchObject({ code: "registry.digest-mismatch" });
    });

    fact("RG6, DG2: an index without its children is refused", async (repository) => {
      const child = await putImage(client, repository, oci);
      const index = formatIndex([{ descriptor: describeManifest(child), platform: { os: "linux", architecture: "amd64" } }]);
      await expect(client.putManifest(repository, "1", index)).rejects.toMatchObject({ code: "registry.refused" });
      expect(await client.findManifest(repository, "1")).toBeUndefined();
    });

    fact("RG7: tags are listed, and an unknown repository has none", async (repository) => {
      expect(await client.listTags(repository)).toEqual([]);
      const manifest = await putImage(client, repository, oci);
      for (const tag of ["2", "1", "latest"]) await client.putManifest(repository, tag, manifest);
      expect([...(await client.listTags(repository))].sort()).toEqual(["1", "2", "latest"]);
      expect(await client.listRepositories()).toContain(repository);
    });

    fact("RG8: deleting by digest takes the tags along, and again is fine", async (repository) => {
      const manifest = await putImage(client, repository, oci);
      await client.putManifest(repository, "1", manifest);
      await client.deleteManifest(repository, manifest.digest);
      expect(await client.findManifest(repository, "1")).toBeUndefined();
      await client.deleteManifest(repository, manifest.digest);
    });

    fact("RG9: referrers are found through their fallback tag", async (repository) => {
      const subject = await putImage(client, repository, oci);
      await client.putManifest(repository, subject.digest, subject);
      expect(await client.listReferrers(repository, subject.digest)).toEqual([]);
      const referrer = await putImage(client, repository, oci);
      await client.putManifest(repository, referrer.digest, referrer);
      const entry = { ...describeManifest(referrer), artifactType: "application/spdx+json" };
      const list = manifestOf({ schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [entry] });
      await client.putManifest(repository, subject.digest.replace(":", "-"), list);
      expect(await client.listReferrers(repository, subject.digest)).toEqual([entry]);
      expect(await client.listReferrers(repository, subject.digest, "application/spdx+json")).toEqual([entry]);
      expect(await client.listReferrers(repository, subject.digest, "text/plain")).toEqual([]);
    });

    fact("RG9: what is attached is listed, once, with its type and annotations", async (repository) => {
      const subject = await putImage(client, repository, oci);
      await client.putManifest(repository, subject.digest, subject);
      const attach = (text: string, type: string) => attachText(client, repository, describeManifest(subject), text, type);
      const [spdx, cyclonedx] = [await attach("{}\n", "application/spdx+json"), await attach("[]", "application/vnd.cyclonedx+json")];
      expect(await attach("{}\n", "application/spdx+json")).toEqual(spdx);
      const entry = { ...spdx, artifactType: "application/spdx+json", annotations: { length: "3" } };
      expect((await client.listReferrers(repository, subject.digest)).map((one) => one.digest).sort()).toEqual(
        [spdx.digest, cyclonedx.digest].sort(),
      );
      expect(await client.listReferrers(repository, subject.digest, "application/spdx+json")).toEqual([entry]);
      expect(await client.listReferrers(repository, spdx.digest)).toEqual([]);
    });

    fact("RG9: something may be attached before its subject is there", async (repository) => {
      const subject = { mediaType: oci, digest: digestOf(`to come ${repository}`), size: 7 };
      const { digest } = await attachText(client, repository, subject, "early", "text/plain");
      expect((await client.listReferrers(repository, subject.digest)).map((one) => one.digest)).toEqual([digest]);
    });

    fact("RG9: of many who attach at once everybody is listed", async (repository) => {
      const subject = await putImage(client, repository, oci);
      await client.putManifest(repository, subject.digest, subject);
      const turns = turnsOfOneProcess();
      const texts = Array.from({ length: 8 }, (_, i) => `text ${i}`);
      const put = texts.map((text) => attachText(client, repository, describeManifest(subject), text, "text/plain", turns));
      const attached = (await Promise.all(put)).map((one) => one.digest).sort();
      expect((await client.listReferrers(repository, subject.digest)).map((one) => one.digest).sort()).toEqual(attached);
    });
  });
}
