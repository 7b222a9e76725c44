import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Digest, digestOf } from "../../../src/domain/digest.ts";
import { formatPayload } from "../../../src/signing/payload.ts";
import { startConsumer } from "./consumer.ts";
import { type PushedImage, pushImage } from "./pushed-image.ts";

/** What one OpenPGP signature may be (SG): skopeo and podman are asked, our own verifier must say the same. */
let consumer: Awaited<ReturnType<typeof startConsumer>>;
let image: PushedImage;
const repository = "f40/cockpit";

beforeAll(async () => {
  consumer = await startConsumer();
  image = await pushImage(consumer.registry.url, repository, "1-1");
}, 60_000);
afterAll(() => consumer.stop());

const publicName = (tag: string) => `${consumer.registry.endpoint}/${repository}:${tag}`;
const payload = (changes: { digest?: Digest; publicName?: string } = {}) =>
  formatPayload({ digest: image.amd64, publicName: publicName("1-1"), creator: "test", timestamp: 1_700_000_000, ...changes });
const edited = (edit: (payload: { critical: Record<string, unknown>; optional?: unknown }) => void) => {
  const parsed = JSON.parse(payload());
  edit(parsed);
  return JSON.stringify(parsed);
};
const optional = (value: unknown) => edited((parsed) => Object.assign(parsed, { optional: value }));
const sign = async (text: string, args: readonly string[] = [], key = consumer.keys.good) =>
  (await consumer.gpg([...args, "--local-user", `${key}!`, "--compress-algo", "none", "--sign"], text)).output;

interface Row {
  readonly name: string;
  readonly accepted: boolean;
  /** The signature files of the linux/amd64 manifest. */
  readonly files: () => Promise<readonly (Uint8Array | string)[]>;
  readonly pulledByDigest?: boolean;
  readonly trusted?: "expired";
}
const text = (make: () => string) => async () => [await sign(make())];

const rows: readonly Row[] = [
  { name: "ours", accepted: true, files: text(payload) },
  { name: "SG1: empty optional", accepted: true, files: text(() => optional({})) },
  { name: "SG1: unknown members in optional", accepted: true, files: text(() => optional({ anything: [1, { a: 1 }] })) },
  { name: "SG2: optional missing", accepted: false, files: text(() => optional(undefined)) },
  { name: "SG2: optional null", accepted: false, files: text(() => optional(null)) },
  { name: "SG3: fractional timestamp", accepted: false, files: text(() => optional({ timestamp: 1700000000.5 })) },
  { name: "SG3: timestamp as text", accepted: false, files: text(() => optional({ timestamp: "1700000000" })) },
  { name: "SG3: creator as number", accepted: false, files: text(() => optional({ creator: 1 })) },
  { name: "SG4: timestamp 1.7e9", accepted: true, files: text(() => payload().replace("1700000000", "1.7e9")) },
  {
    name: "SG5: unknown member in critical",
    accepted: false,
    files: text(() => edited((parsed) => Object.assign(parsed.critical, { x: 1 }))),
  },
  { name: "SG5: unknown member at the top", accepted: false, files: text(() => edited((parsed) => Object.assign(parsed, { x: 1 }))) },
  {
    name: "SG5: a member twice",
    accepted: false,
    files: text(() => payload().replace('"optional"', '"optional":{},"optional"')),
  },
  { name: "SG6: white space and order", accepted: true, files: text(() => `\n${JSON.stringify(swapped(), undefined, 3)}\n`) },
  {
    name: "SG7: cosign's type",
    accepted: false,
    files: text(() => payload().replace("atomic container signature", "cosign container image signature")),
  },
  { name: "SG8: another tag's name, pulled by tag", accepted: false, files: text(() => payload({ publicName: publicName("2") })) },
  {
    name: "SG9: another tag's name, pulled by digest",
    accepted: true,
    pulledByDigest: true,
    files: text(() => payload({ publicName: publicName("2") })),
  },
  {
    name: "SG10: another repository, pulled by digest",
    accepted: false,
    pulledByDigest: true,
    files: text(() => payload({ publicName: publicName("1-1").replace("f40", "f41") })),
  },
  {
    name: "SG11: a name with digest, pulled by tag",
    accepted: false,
    files: text(() => payload({ publicName: `${consumer.registry.endpoint}/${repository}@${image.amd64}` })),
  },
  {
    name: "SG11: a name with digest, pulled by digest",
    accepted: true,
    pulledByDigest: true,
    files: text(() => payload({ publicName: `${consumer.registry.endpoint}/${repository}@${image.amd64}` })),
  },
  { name: "SG12: another digest", accepted: false, files: text(() => payload({ digest: digestOf("moved") })) },
  { name: "SG13: none", accepted: false, files: async () => [] },
  { name: "SG14: wrong key", accepted: false, files: async () => [await sign(payload(), [], consumer.keys.other)] },
  {
    name: "SG15: expired key",
    accepted: false,
    trusted: "expired",
    files: async () => [await sign(payload(), ["--faked-system-time", "20200601T000000"], consumer.keys.expired)],
  },
  {
    name: "SG16: expired signature",
    accepted: false,
    files: async () => [await sign(payload(), ["--faked-system-time", "20210101T000000", "--default-sig-expire", "1d"])],
  },
  {
    name: "SG17, DG17: signature from the future: a signer's clock that goes wrong loses nothing",
    accepted: true,
    files: async () => [await sign(payload(), ["--faked-system-time", "20400101T000000"])],
  },
  { name: "SG19: signed by a subkey", accepted: false, files: async () => [await sign(payload(), [], consumer.keys.subkey)] },
  { name: "SG20: armoured", accepted: false, files: async () => [await sign(payload(), ["--armor"])] },
  {
    name: "SG20: clear-signed",
    accepted: false,
    files: async () => [(await consumer.gpg(["--local-user", consumer.keys.good, "--clear-sign"], payload())).output],
  },
  {
    name: "SG21: detached",
    accepted: false,
    files: async () => [(await consumer.gpg(["--local-user", consumer.keys.good, "--detach-sign"], payload())).output],
  },
  {
    name: "SG22: compressed",
    accepted: true,
    files: async () => [(await consumer.gpg(["--local-user", `${consumer.keys.good}!`, "--sign"], payload())).output],
  },
  { name: "SG23, DG16: garbage beside a valid one", accepted: false, files: async () => [await sign(payload()), "garbage"] },
  { name: "SG23: an empty file beside a valid one", accepted: false, files: async () => [await sign(payload()), ""] },
  {
    name: "a second signature for another tag does no harm",
    accepted: true,
    files: async () => [await sign(payload({ publicName: publicName("2") })), await sign(payload())],
  },
];

function swapped(): unknown {
  const { critical, optional: last } = JSON.parse(payload());
  return { optional: last, critical: { type: critical.type, image: critical.image, identity: critical.identity } };
}

describe("one signature (SG)", () => {
  test.each(rows)("$name", async (row) => {
    const world = await consumer.world(consumer.keys[row.trusted ?? "good"]);
    await world.plant(repository, image.amd64, await row.files());
    const reference = row.pulledByDigest ? image.amd64 : "1-1";
    const name = `${repository}${row.pulledByDigest ? "@" : ":"}${reference}`;
    const [skopeo, podman] = [await world.pull(name), await world.podmanPull(name)];
    const said = { skopeo: skopeo.stderr, podman: podman.stderr };
    const accepted = { skopeo: skopeo.exitCode === 0, podman: podman.exitCode === 0 };
    expect({ said, ...accepted }).toEqual({ said, skopeo: row.accepted, podman: row.accepted });
    const verified = await world.verify(repository, reference);
    expect(verified.digests.find((one) => one.digest === image.amd64)).toMatchObject({ ok: row.accepted });
  });

  test("SG18: two requirements are AND: a candidate's signature beside none of production's is refused", async () => {
    const world = await consumer.world(consumer.keys.good);
    const policyFile = join(world.lookaside, "../policy.json");
    const policy = JSON.parse(await readFile(policyFile, "utf8"));
    const [requirement] = policy.transports.docker[consumer.registry.endpoint];
    const other = await consumer.gpg(["--export", consumer.keys.other]);
    policy.transports.docker[consumer.registry.endpoint] = [requirement, { ...requirement, keyData: other.output.toString("base64") }];
    await writeFile(policyFile, JSON.stringify(policy));
    await world.plant(repository, image.amd64, [await sign(payload())]);
    expect(await world.accepts(`${repository}:1-1`)).toEqual({ skopeo: false, podman: false });
    await world.plant(repository, image.amd64, [await sign(payload()), await sign(payload(), [], consumer.keys.other)]);
    expect(await world.accepts(`${repository}:1-1`)).toEqual({ skopeo: true, podman: true });
  });
});
