import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { OpenpgpKey } from "../../../src/signing/openpgp/openpgp-signer.ts";
import { startConsumer } from "./consumer.ts";
import { type PushedImage, pushImage } from "./pushed-image.ts";

/** Which parts of an image of several platforms have to be signed (MA): skopeo and podman are asked, our own verifier is stricter. */
let consumer: Awaited<ReturnType<typeof startConsumer>>;
let image: PushedImage;
const repository = "f40/cockpit";
const never = new AbortController().signal;

beforeAll(async () => {
  consumer = await startConsumer();
  image = await pushImage(consumer.registry.url, repository, "1-1");
}, 60_000);
afterAll(() => consumer.stop());

const publicName = (tag: string) => `${consumer.registry.endpoint}/${repository}:${tag}`;
const signables = (keys: readonly (keyof PushedImage)[] = ["index", "amd64", "arm64"]) =>
  keys.map((key) => ({ digest: image[key], publicName: publicName("1-1") }));

describe("several platforms (MA), signed by our signer", () => {
  interface Matrix {
    readonly name: string;
    readonly signed: readonly (keyof PushedImage)[];
    readonly single: boolean;
    readonly all: boolean;
    readonly ours: boolean;
  }
  const matrix: readonly Matrix[] = [
    { name: "MA1: nothing", signed: [], single: false, all: false, ours: false },
    { name: "MA2: index only", signed: ["index"], single: false, all: false, ours: false },
    { name: "MA3: platforms only: enough for podman, not for us", signed: ["amd64", "arm64"], single: true, all: true, ours: false },
    { name: "MA4: one of two platforms", signed: ["index", "amd64"], single: true, all: false, ours: false },
    { name: "MA5: index and platforms", signed: ["index", "amd64", "arm64"], single: true, all: true, ours: true },
  ];
  test.each(matrix)("$name", async ({ signed, single, all, ours }) => {
    const world = await consumer.world(consumer.keys.good);
    expect(await world.signer.ensureSigned(signables(signed), never)).toBe(signed.length);
    const { skopeo, podman } = await world.accepts(`${repository}:1-1`);
    expect(podman).toBe(skopeo);
    const pulls = {
      single: skopeo,
      all: (await world.pull(`${repository}:1-1`, ["--all"])).exitCode === 0,
    };
    expect(pulls).toEqual({ single, all });
    expect(await world.verify(repository, "1-1")).toMatchObject({ ok: ours });
    await world.signer.close();
  });

  test("after removal of the signatures the image can't be pulled any more", async () => {
    const world = await consumer.world(consumer.keys.good);
    await world.signer.ensureSigned(signables(), never);
    for (const signable of signables()) expect(await world.signer.removeSignatures(signable)).toBe(1);
    expect(await world.accepts(`${repository}:1-1`)).toEqual({ skopeo: false, podman: false });
    await world.signer.close();
  });

  test("a key is replaced: consumers with both keys take what either signed, before and after", async () => {
    const { good, other } = consumer.keys;
    const world = await consumer.world(good, { more: [other] });
    const signer = (keys: readonly OpenpgpKey[]) => world.signerWith(keys);
    const [old, both, fresh] = [
      signer([{ fingerprint: good, use: "sign" }]),
      signer([
        { fingerprint: good, use: "sign" },
        { fingerprint: other, use: "sign" },
      ]),
      signer([
        { fingerprint: good, use: "accept" },
        { fingerprint: other, use: "sign" },
      ]),
    ];
    expect(await old.ensureSigned(signables(), never)).toBe(3);
    expect(await world.accepts(`${repository}:1-1`)).toEqual({ skopeo: true, podman: true });
    expect(await both.ensureSigned(signables(), never)).toBe(3);
    expect(await both.ensureSigned(signables(), never)).toBe(0);
    expect(await fresh.ensureSigned(signables(), never)).toBe(0);
    expect(await world.accepts(`${repository}:1-1`)).toEqual({ skopeo: true, podman: true });
    const alone = await consumer.world(other, { lookaside: world.lookaside });
    expect(await alone.accepts(`${repository}:1-1`)).toEqual({ skopeo: true, podman: true });
    const latest = signables().map(({ digest }) => ({ digest, publicName: publicName("2") }));
    expect(await fresh.ensureSigned(latest, never)).toBe(3);
    for (const one of [old, both, fresh]) await one.close();
  });
});
