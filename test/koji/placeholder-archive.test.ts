import { gunzipSync } from "node:zlib";
import { expect, test } from "@jest/globals";
import tar from "tar-stream";
import { digestOf } from "../../src/domain/digest.ts";
import { placeholderArchive, placeholderName } from "../../src/koji/placeholder-archive.ts";

async function filesOf(archive: Uint8Array): Promise<Record<string, string>> {
  const extract = tar.extract();
  extract.end(gunzipSync(archive));
  const files: Record<string, string> = {};
  for await (const entry of extract) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry) chunks.push(chunk as Uint8Array);
    files[entry.header.name] = Buffer.concat(chunks).toString("utf8");
  }
  return files;
}

test("an archive that tar reads says where the image is", async () => {
  expect(await filesOf(placeholderArchive(["r.test/a:1", "r.test/a@sha256:0"]))).toEqual({
    README: "The image of this build is not in this archive. Pull it from a registry:\n\n  r.test/a:1\n  r.test/a@sha256:0\n",
  });
});

test("more than one stored block holds is read, too", async () => {
  const many = Array.from({ length: 5000 }, (_, i) => `registry.example.test/repository:${i}`);
  expect((await filesOf(placeholderArchive(many))).README).toContain("  registry.example.test/repository:4999\n");
});

test("the bytes are the same for ever: builds that were recorded name their checksum", () => {
  expect(digestOf(placeholderArchive(["r.test/a:1"]))).toBe("sha256:2af00dc7baef9b87880a10afad83b9ecd9ade91d62ea4994203e43d62f5a920a");
});

test("its name is that of OSBS", () => {
  expect(placeholderName(`sha256:${"f".repeat(64)}`, "x86_64")).toBe(`docker-image-sha256:${"f".repeat(64)}.x86_64.tar.gz`);
});
