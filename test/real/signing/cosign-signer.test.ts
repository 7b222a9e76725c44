import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { digestOf } from "../../../src/domain/digest.ts";
import { silentLog } from "../../../src/log.ts";
import { type RegistryClient, registryClient } from "../../../src/registry/registry-client.ts";
import { pemCosignKey } from "../../../src/signing/cosign/cosign-key.ts";
import { type CosignSignerOptions, cosignSigner } from "../../../src/signing/cosign/cosign-signer.ts";
import { formatSigManifest, parseSigManifest, sigTag } from "../../../src/signing/cosign/sig-manifest.ts";
import { lookasideLock } from "../../../src/signing/openpgp/lookaside-directory.ts";
import { signerContract } from "../../contract/signer.contract.ts";
import { makeCosignKey } from "../../support/cosign-key.ts";
import { type RunningRegistry, startDockerRegistry } from "../../support/docker-registry.ts";
import { type ScratchDirectory, scratchDirectory } from "../../support/scratch-directory.ts";

const never = new AbortController().signal;
const digest = digestOf("image");
const key = pemCosignKey(makeCosignKey().privatePem, "sign");
const repository = "f40/cockpit";
const name = (tag: string) => `registry.example.test/${repository}:${tag}`;
let server: RunningRegistry;
let scratch: ScratchDirectory;
let client: RegistryClient;

beforeAll(async () => {
  server = await startDockerRegistry();
  scratch = await scratchDirectory();
  client = registryClient({ endpoint: server.endpoint, plainHttp: true });
});
afterAll(async () => {
  client.close();
  await server.stop();
  await scratch.remove();
});

const defaults = { stage: "production", creator: "flibs test", log: silentLog, now: () => new Date() };
const signerWith = (options: Partial<CosignSignerOptions> = {}) =>
  cosignSigner({ ...defaults, keys: [key], registry: client, lock: lookasideLock(scratch.path, "cosign"), ...options });
const layersOf = async (of = digest) => parseSigManifest(await client.readManifest(repository, sigTag(of)));

describe("the cosign signer on a real registry", () => {
  signerContract({
    create: async () => {
      const own = await startDockerRegistry();
      const registry = registryClient({ endpoint: own.endpoint, plainHttp: true });
      const close = async () => {
        registry.close();
        await own.stop();
      };
      return { signer: signerWith({ registry }), close };
    },
  });

  test("replicas that sign one digest at the same time lose no signature", async () => {
    const of = digestOf("replicas");
    const tags = ["1", "2", "3", "4", "5", "6"];
    const signers = [signerWith(), signerWith(), signerWith()];
    const added = await Promise.all(tags.map((tag, i) => signers[i % 3]?.ensureSigned([{ digest: of, publicName: name(tag) }], never)));
    expect(added).toEqual([1, 1, 1, 1, 1, 1]);
    const found = await signerWith().listSignatures(`registry.example.test/${repository}`, of);
    expect(found.map((one) => `${one.verdict} ${one.publicName}`).toSorted()).toEqual(tags.map((tag) => `valid ${name(tag)}`));
    expect(await layersOf(of)).toHaveLength(6);
  });

  test("what a writer without our lock overwrote is written again", async () => {
    const of = digestOf("overwritten");
    let times = 0;
    const careless = {
      ...client,
      putManifest: async (...args: Parameters<typeof client.putManifest>) => {
        const put = await client.putManifest(...args);
        times += 1;
        if (times === 1) {
          const { manifest, config } = formatSigManifest([]);
          await client.putBlob(repository, config);
          await client.putManifest(repository, sigTag(of), manifest);
        }
        return put;
      },
    };
    expect(await signerWith({ registry: careless }).ensureSigned([{ digest: of, publicName: name("1") }], never)).toBe(1);
    expect(times).toBe(2);
    expect(await layersOf(of)).toHaveLength(1);
  });

  test("one that is overwritten again and again gives up with an error that is tried again", async () => {
    const of = digestOf("fought over");
    const hostile = { ...client, putManifest: async (_: string, __: string, manifest: { digest: typeof of }) => manifest.digest };
    const refused = signerWith({ registry: hostile }).ensureSigned([{ digest: of, publicName: name("1") }], never);
    await expect(refused).rejects.toMatchObject({ code: "signing.sig-lost", kind: "transient" });
  });

  test("layers of others stay, byte for byte and in their order", async () => {
    const of = digestOf("shared");
    const payload = await client.putBlob(repository, Buffer.from("hello"));
    const strange = { mediaType: "application/vnd.example", digest: payload, size: 5, annotations: { a: "b" }, artifactType: "x" };
    const { manifest, config } = formatSigManifest([strange]);
    await client.putBlob(repository, config);
    await client.putManifest(repository, sigTag(of), manifest);
    await signerWith().ensureSigned([{ digest: of, publicName: name("1") }], never);
    expect((await layersOf(of))[0]).toEqual(strange);
    expect(await signerWith().removeSignatures({ digest: of, publicName: name("1") })).toBe(1);
    expect(await layersOf(of)).toEqual([strange]);
  });

  test("rotation: a new key signs what an old one signed, and then the old one is accepted only", async () => {
    const of = digestOf("rotated");
    const [old, fresh] = [makeCosignKey(), makeCosignKey()];
    const wanted = [{ digest: of, publicName: name("1") }];
    await signerWith({ keys: [pemCosignKey(old.privatePem, "sign")] }).ensureSigned(wanted, never);
    const both = signerWith({ keys: [pemCosignKey(old.privatePem, "sign"), pemCosignKey(fresh.privatePem, "sign")] });
    expect(await both.ensureSigned(wanted, never)).toBe(1);
    const after = signerWith({ keys: [pemCosignKey(old.publicPem, "accept"), pemCosignKey(fresh.privatePem, "sign")] });
    expect(await after.ensureSigned(wanted, never)).toBe(0);
    expect((await after.listSignatures(`registry.example.test/${repository}`, of)).map((one) => one.verdict)).toEqual(["valid", "valid"]);
    const gone = signerWith({ keys: [pemCosignKey(fresh.privatePem, "sign")] });
    expect((await gone.listSignatures(`registry.example.test/${repository}`, of)).map((one) => one.verdict)).toEqual([
      "wrong-key",
      "valid",
    ]);
  });

  test("a public key alone signs nothing, and says where the private one is missed", async () => {
    const signer = signerWith({ keys: [pemCosignKey(makeCosignKey().publicPem, "sign")] });
    const refused = signer.ensureSigned([{ digest: digestOf("public"), publicName: name("1") }], never);
    await expect(refused).rejects.toMatchObject({ code: "signing.key-missing" });
  });

  test("a manifest that is none is told, and not written over", async () => {
    const of = digestOf("strange");
    const index = { schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [] };
    const bytes = Buffer.from(JSON.stringify(index));
    await client.putManifest(repository, sigTag(of), { mediaType: index.mediaType, bytes, digest: digestOf(bytes) });
    const refused = signerWith().ensureSigned([{ digest: of, publicName: name("1") }], never);
    await expect(refused).rejects.toMatchObject({ code: "signing.sig-unreadable" });
    expect(await signerWith().listSignatures(`registry.example.test/${repository}`, of)).toEqual([
      { kind: "cosign", location: `${repository}:${sigTag(of)}`, verdict: "unreadable", blocking: true },
    ]);
  });
});
