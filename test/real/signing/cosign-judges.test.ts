import { generateKeyPairSync, sign as nodeSign } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Digest, digestOf } from "../../../src/domain/digest.ts";
import { silentLog } from "../../../src/log.ts";
import { type RegistryClient, registryClient } from "../../../src/registry/registry-client.ts";
import { cosignJudge } from "../../../src/signing/cosign/cosign-judge.ts";
import { pemCosignKey } from "../../../src/signing/cosign/cosign-key.ts";
import { cosignSigner } from "../../../src/signing/cosign/cosign-signer.ts";
import { formatSigManifest, type SigLayer, sigLayer, signatureAnnotation, sigTag } from "../../../src/signing/cosign/sig-manifest.ts";
import { formatPayload } from "../../../src/signing/payload.ts";
import { verifyImage } from "../../../src/signing/verify-image.ts";
import { cosign, cosignMissing, cosignVerify } from "../../support/cosign.ts";
import { makeCosignKey } from "../../support/cosign-key.ts";
import { type RunningRegistry, startDockerRegistry } from "../../support/docker-registry.ts";
import { type ScratchDirectory, scratchDirectory } from "../../support/scratch-directory.ts";
import { type PushedImage, pushImage } from "./pushed-image.ts";

/** What one cosign signature may be (CS): real cosign is asked, and our own verifier, which is as strict as containers/image. */
const judgedTest = cosignMissing === undefined ? test : test.skip;
const reason = cosignMissing === undefined ? "" : ` (${cosignMissing})`;
const never = new AbortController().signal;
const [good, other] = [makeCosignKey(), makeCosignKey()];
let server: RunningRegistry;
let scratch: ScratchDirectory;
let client: RegistryClient;
let images = 0;

beforeAll(async () => {
  server = await startDockerRegistry();
  scratch = await scratchDirectory();
  client = registryClient({ endpoint: server.endpoint, plainHttp: true });
  await writeFile(join(scratch.path, "good.pub"), good.publicPem);
  await writeFile(join(scratch.path, "other.pub"), other.publicPem);
});
afterAll(async () => {
  client.close();
  await server.stop();
  await scratch.remove();
});

interface Planted {
  readonly payload: Uint8Array;
  readonly layer: SigLayer;
}
type Make = (text: string) => Planted;

/** An image of a row's own, whose index has these signatures; the platforms have none. */
async function planted(make: (image: PushedImage, publicName: string) => readonly Planted[]) {
  const repository = `f40/image-${++images}`;
  const image = await pushImage(server.url, repository, "1");
  const publicName = `${server.endpoint}/${repository}:1`;
  const all = make(image, publicName);
  for (const { payload } of all) await client.putBlob(repository, payload);
  const { manifest, config } = formatSigManifest(all.map((one) => one.layer));
  await client.putBlob(repository, config);
  await client.putManifest(repository, sigTag(image.index), manifest);
  return { repository, image, publicName };
}

const payloadOf = (digest: Digest, publicName: string) =>
  formatPayload({ digest, publicName, creator: "test", timestamp: 1_700_000_000 }, "cosign");
const signed = (text: string, signature: (payload: Uint8Array) => Uint8Array): Planted => {
  const payload = new TextEncoder().encode(text);
  return { payload, layer: sigLayer(payload, signature(payload)) };
};
const by =
  (pem: string): Make =>
  (text) =>
    signed(text, (payload) => nodeSign("sha256", payload, pem));
const ours = by(good.privatePem);
const edited = (text: string, edit: (payload: Record<string, unknown>) => void) => {
  const parsed = JSON.parse(text);
  edit(parsed);
  return JSON.stringify(parsed);
};

/** What both say about the index of an image. */
async function verdicts({ repository }: Awaited<ReturnType<typeof planted>>, publicKey = "good.pub") {
  const asked = await cosignVerify(`${server.endpoint}/${repository}:1`, join(scratch.path, publicKey));
  const judge = cosignJudge(client, [pemCosignKey(good.publicPem, "accept")]);
  const at = { registry: client, repository, reference: "1", publicName: server.endpoint };
  const { digests } = await verifyImage({ ...at, judges: [judge] });
  return { cosign: asked.exitCode, ours: digests[0]?.ok };
}

interface Row {
  readonly name: string;
  /** Exit code. */
  readonly cosign: number;
  readonly ours: boolean;
  readonly make: (image: PushedImage, publicName: string) => readonly Planted[];
}
/** No signature that fits. */
const noMatch = 12;
/** No signature at all. */
const none = 10;
const rows: readonly Row[] = [
  { name: "CS1: the whole name:tag", cosign: 0, ours: true, make: (image, name) => [ours(payloadOf(image.index, name))] },
  {
    name: "CS1: optional may be null",
    cosign: 0,
    ours: true,
    make: (image, name) => [ours(edited(payloadOf(image.index, name), (payload) => Object.assign(payload, { optional: null })))],
  },
  {
    name: "CS2: optional missing: only containers/image minds, so we do",
    cosign: 0,
    ours: false,
    make: (image, name) => [ours(edited(payloadOf(image.index, name), (payload) => delete payload.optional))],
  },
  {
    name: "CS3: a signature that is no DER: cosign 2.5 takes it nevertheless, containers/image and we don't",
    cosign: 0,
    ours: false,
    make: (image, name) => [
      signed(payloadOf(image.index, name), (payload) => nodeSign("sha256", payload, { key: good.privatePem, dsaEncoding: "ieee-p1363" })),
    ],
  },
  {
    name: "CS6: a layer of another media type is left alone",
    cosign: 0,
    ours: true,
    make: (image, name) => {
      const payload = new TextEncoder().encode("hello");
      return [{ payload, layer: { ...sigLayer(payload, payload), mediaType: "text/plain" } }, ours(payloadOf(image.index, name))];
    },
  },
  {
    name: "CS7: one without its annotation, or with bad base64, harms no other",
    cosign: 0,
    ours: true,
    make: (image, name) => {
      const made = ours(payloadOf(image.index, name));
      const bare = { ...made, layer: { ...made.layer, annotations: { a: "b" } } };
      const bad = { ...made, layer: { ...made.layer, annotations: { [signatureAnnotation]: "!!" } } };
      return [bare, bad, made];
    },
  },
  {
    name: "CS7: nothing but such is no signature",
    cosign: noMatch,
    ours: false,
    make: (image, name) => {
      const made = ours(payloadOf(image.index, name));
      return [{ ...made, layer: { ...made.layer, annotations: { [signatureAnnotation]: "!!" } } }];
    },
  },
  {
    name: "CS8: a bad key's first, then a good one's",
    cosign: 0,
    ours: true,
    make: (image, name) => [by(other.privatePem)(payloadOf(image.index, name)), ours(payloadOf(image.index, name))],
  },
  {
    name: "CS9: the wrong key's only",
    cosign: noMatch,
    ours: false,
    make: (image, name) => [by(other.privatePem)(payloadOf(image.index, name))],
  },
  {
    name: "CS9: another name: cosign does not look at it, containers/image and we do",
    cosign: 0,
    ours: false,
    make: (image, name) => [ours(payloadOf(image.index, name.replace("f40", "f41")))],
  },
  { name: "CS9: another digest", cosign: noMatch, ours: false, make: (_, name) => [ours(payloadOf(digestOf("moved"), name))] },
  { name: "CS9: an empty list, as a withdrawal leaves it", cosign: none, ours: false, make: () => [] },
];

describe("one cosign signature (CS)", () => {
  for (const row of rows) {
    judgedTest(`${row.name}${reason}`, async () => {
      expect(await verdicts(await planted(row.make))).toEqual({ cosign: row.cosign, ours: row.ours });
    });
  }

  judgedTest(`CS4: P-384 counts with SHA-256 only, and our own keys are P-256${reason}`, async () => {
    const key = makeCosignKey("P-384");
    await writeFile(join(scratch.path, "p384.pub"), key.publicPem);
    const make = (hash: string) => (image: PushedImage, name: string) => [
      signed(payloadOf(image.index, name), (payload) => nodeSign(hash, payload, key.privatePem)),
    ];
    expect(await verdicts(await planted(make("sha384")), "p384.pub")).toMatchObject({ ours: false });
    expect((await verdicts(await planted(make("sha384")), "p384.pub")).cosign).not.toBe(0);
    expect(() => pemCosignKey(key.privatePem, "sign")).toThrow(expect.objectContaining({ code: "signing.key-unusable" }));
  });

  judgedTest(`CS5: Ed25519 and RSA are kinds that cosign knows and we do not sign with${reason}`, async () => {
    const rsa = generateKeyPairSync("rsa", { modulusLength: 3072 });
    const ed = generateKeyPairSync("ed25519");
    for (const [name, { publicKey, privateKey }, hash] of [
      ["rsa", rsa, "sha256"],
      ["ed25519", ed, null],
    ] as const) {
      await writeFile(join(scratch.path, `${name}.pub`), publicKey.export({ type: "spki", format: "pem" }));
      const at = await planted((image, publicName) => [
        signed(payloadOf(image.index, publicName), (payload) => nodeSign(hash, payload, privateKey)),
      ]);
      expect({ name, ...(await verdicts(at, `${name}.pub`)) }).toEqual({ name, cosign: 0, ours: false });
      const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
      expect(() => pemCosignKey(pem, "sign")).toThrow(expect.objectContaining({ code: "signing.key-unusable" }));
    }
  });

  judgedTest(
    `CS10: cosign looks at the index alone; we sign and demand the platforms, too, and so does cosign's own --recursive${reason}`,
    async () => {
      const repository = "f40/whole";
      const image = await pushImage(server.url, repository, "1");
      const publicName = `${server.endpoint}/${repository}:1`;
      const key = pemCosignKey(good.privatePem, "sign");
      const options = { stage: "production", creator: "flibs test", log: silentLog, now: () => new Date(), registry: client };
      const signer = cosignSigner({ ...options, keys: [key], lock: (_repository, _digest, work) => work() });
      const verify = async () => {
        const at = { registry: client, repository, reference: "1", publicName: server.endpoint };
        const { ok } = await verifyImage({ ...at, judges: [cosignJudge(client, [key])] });
        return { cosign: (await cosignVerify(publicName, join(scratch.path, "good.pub"))).exitCode, ours: ok };
      };
      await signer.ensureSigned([{ digest: image.amd64, publicName }], never);
      await signer.ensureSigned([{ digest: image.arm64, publicName }], never);
      expect((await verify()).cosign).not.toBe(0);
      await signer.ensureSigned([{ digest: image.index, publicName }], never);
      expect(await verify()).toEqual({ cosign: 0, ours: true });
      for (const digest of [image.amd64, image.arm64]) {
        const asked = await cosignVerify(`${server.endpoint}/${repository}@${digest}`, join(scratch.path, "good.pub"));
        expect({ digest, code: asked.exitCode }).toEqual({ digest, code: 0 });
      }
      for (const digest of [image.index, image.amd64, image.arm64]) expect(await signer.removeSignatures({ digest, publicName })).toBe(1);
      const after = await verify();
      expect(after.ours).toBe(false);
      expect(after.cosign).not.toBe(0);
    },
  );

  judgedTest(`what cosign itself signs into the list stays there beside ours${reason}`, async () => {
    const repository = "f40/theirs";
    const image = await pushImage(server.url, repository, "1");
    const publicName = `${server.endpoint}/${repository}:1`;
    const made = await cosign(["generate-key-pair", "--output-key-prefix", join(scratch.path, "theirs")], { COSIGN_PASSWORD: "" });
    expect(made).toMatchObject({ exitCode: 0 });
    const key = join(scratch.path, "theirs.key");
    const signing = [
      "sign",
      "--key",
      key,
      "--tlog-upload=false",
      "--allow-http-registry",
      "--yes",
      `${server.endpoint}/${repository}@${image.index}`,
    ];
    expect(await cosign(signing, { COSIGN_PASSWORD: "" })).toMatchObject({ exitCode: 0 });
    const options = { stage: "production", creator: "flibs test", log: silentLog, now: () => new Date(), registry: client };
    const signer = cosignSigner({ ...options, keys: [pemCosignKey(good.privatePem, "sign")], lock: (_r, _d, work) => work() });
    expect(await signer.ensureSigned([{ digest: image.index, publicName }], never)).toBe(1);
    for (const file of ["good.pub", "theirs.pub"]) {
      expect({ file, code: (await cosignVerify(publicName, join(scratch.path, file))).exitCode }).toEqual({ file, code: 0 });
    }
  });
});
