import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type Digest, digestOf } from "../../../src/domain/digest.ts";
import { httpLookaside } from "../../../src/signing/openpgp/lookaside-http.ts";
import { formatPayload } from "../../../src/signing/payload.ts";
import { startConsumer } from "./consumer.ts";
import { type PushedImage, pushImage } from "./pushed-image.ts";

/** The rows SG, LA and MA of the promotion handbook: skopeo is asked, our own verifier must say the same. */
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
  { name: "SG0 ours", accepted: true, files: text(payload) },
  { name: "SG1 empty optional", accepted: true, files: text(() => optional({})) },
  { name: "SG1 unknown members in optional", accepted: true, files: text(() => optional({ anything: [1, { a: 1 }] })) },
  { name: "SG2 optional missing", accepted: false, files: text(() => optional(undefined)) },
  { name: "SG2 optional null", accepted: false, files: text(() => optional(null)) },
  { name: "SG3 fractional timestamp", accepted: false, files: text(() => optional({ timestamp: 1700000000.5 })) },
  { name: "SG3 timestamp as text", accepted: false, files: text(() => optional({ timestamp: "1700000000" })) },
  { name: "SG3 creator as number", accepted: false, files: text(() => optional({ creator: 1 })) },
  { name: "SG4 timestamp 1.7e9", accepted: true, files: text(() => payload().replace("1700000000", "1.7e9")) },
  {
    name: "SG5 unknown member in critical",
    accepted: false,
    files: text(() => edited((parsed) => Object.assign(parsed.critical, { x: 1 }))),
  },
  { name: "SG5 unknown member at the top", accepted: false, files: text(() => edited((parsed) => Object.assign(parsed, { x: 1 }))) },
  {
    name: "SG5 a member twice",
    accepted: false,
    files: text(() => payload().replace('"optional"', '"optional":{},"optional"')),
  },
  { name: "SG6 white space and order", accepted: true, files: text(() => `\n${JSON.stringify(swapped(), undefined, 3)}\n`) },
  {
    name: "SG7 cosign's type",
    accepted: false,
    files: text(() => payload().replace("atomic container signature", "cosign container image signature")),
  },
  { name: "SG8 another tag's name, pulled by tag", accepted: false, files: text(() => payload({ publicName: publicName("2") })) },
  {
    name: "SG9 another tag's name, pulled by digest",
    accepted: true,
    pulledByDigest: true,
    files: text(() => payload({ publicName: publicName("2") })),
  },
  {
    name: "SG10 another repository, pulled by digest",
    accepted: false,
    pulledByDigest: true,
    files: text(() => payload({ publicName: publicName("1-1").replace("f40", "f41") })),
  },
  {
    name: "SG11 a name with digest, pulled by tag",
    accepted: false,
    files: text(() => payload({ publicName: `${consumer.registry.endpoint}/${repository}@${image.amd64}` })),
  },
  {
    name: "SG11 a name with digest, pulled by digest",
    accepted: true,
    pulledByDigest: true,
    files: text(() => payload({ publicName: `${consumer.registry.endpoint}/${repository}@${image.amd64}` })),
  },
  { name: "SG12 another digest", accepted: false, files: text(() => payload({ digest: digestOf("moved") })) },
  { name: "SG13 none", accepted: false, files: async () => [] },
  { name: "SG14 wrong key", accepted: false, files: async () => [await sign(payload(), [], consumer.keys.other)] },
  {
    name: "SG15 expired key",
    accepted: false,
    trusted: "expired",
    files: async () => [await sign(payload(), ["--faked-system-time", "20200601T000000"], consumer.keys.expired)],
  },
  {
    name: "SG16 expired signature",
    accepted: false,
    files: async () => [await sign(payload(), ["--faked-system-time", "20210101T000000", "--default-sig-expire", "1d"])],
  },
  {
    name: "SG17, DG17 signature from the future: a signer's clock that goes wrong loses nothing",
    accepted: true,
    files: async () => [await sign(payload(), ["--faked-system-time", "20400101T000000"])],
  },
  { name: "SG19 signed by a subkey", accepted: false, files: async () => [await sign(payload(), [], consumer.keys.subkey)] },
  { name: "SG20 armoured", accepted: false, files: async () => [await sign(payload(), ["--armor"])] },
  {
    name: "SG20 clear-signed",
    accepted: false,
    files: async () => [(await consumer.gpg(["--local-user", consumer.keys.good, "--clear-sign"], payload())).output],
  },
  {
    name: "SG21 detached",
    accepted: false,
    files: async () => [(await consumer.gpg(["--local-user", consumer.keys.good, "--detach-sign"], payload())).output],
  },
  {
    name: "SG22 compressed",
    accepted: true,
    files: async () => [(await consumer.gpg(["--local-user", `${consumer.keys.good}!`, "--sign"], payload())).output],
  },
  { name: "SG23, DG16 garbage beside a valid one", accepted: false, files: async () => [await sign(payload()), "garbage"] },
  { name: "SG23 an empty file beside a valid one", accepted: false, files: async () => [await sign(payload()), ""] },
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
    const pulled = await world.pull(`${repository}${row.pulledByDigest ? "@" : ":"}${reference}`);
    expect({ said: pulled.stderr, accepted: pulled.exitCode === 0 }).toEqual({ said: expect.any(String), accepted: row.accepted });
    const verified = await world.verify(repository, reference);
    expect(verified.digests.find((one) => one.digest === image.amd64)).toMatchObject({ ok: row.accepted });
  });

  test("SG18 two requirements are AND: a candidate's signature beside none of production's is refused", async () => {
    const world = await consumer.world(consumer.keys.good);
    const policyFile = join(world.lookaside, "../policy.json");
    const policy = JSON.parse(await readFile(policyFile, "utf8"));
    const [requirement] = policy.transports.docker[consumer.registry.endpoint];
    const other = await consumer.gpg(["--export", consumer.keys.other]);
    policy.transports.docker[consumer.registry.endpoint] = [requirement, { ...requirement, keyData: other.output.toString("base64") }];
    await writeFile(policyFile, JSON.stringify(policy));
    await world.plant(repository, image.amd64, [await sign(payload())]);
    expect((await world.pull(`${repository}:1-1`)).exitCode).not.toBe(0);
    await world.plant(repository, image.amd64, [await sign(payload()), await sign(payload(), [], consumer.keys.other)]);
    expect((await world.pull(`${repository}:1-1`)).exitCode).toBe(0);
  });
});

describe("several platforms (MA), signed by our signer", () => {
  interface Matrix {
    readonly name: string;
    readonly signed: readonly (keyof PushedImage)[];
    readonly single: boolean;
    readonly all: boolean;
    readonly ours: boolean;
  }
  const matrix: readonly Matrix[] = [
    { name: "MA1 nothing", signed: [], single: false, all: false, ours: false },
    { name: "MA2 index only", signed: ["index"], single: false, all: false, ours: false },
    { name: "MA3 platforms only: enough for podman, not for us", signed: ["amd64", "arm64"], single: true, all: true, ours: false },
    { name: "MA4 one of two platforms", signed: ["index", "amd64"], single: true, all: false, ours: false },
    { name: "MA5 index and platforms", signed: ["index", "amd64", "arm64"], single: true, all: true, ours: true },
  ];
  test.each(matrix)("$name", async ({ signed, single, all, ours }) => {
    const world = await consumer.world(consumer.keys.good);
    const signables = signed.map((key) => ({ digest: image[key], publicName: publicName("1-1") }));
    expect(await world.signer.ensureSigned(signables, never)).toBe(signed.length);
    const pulls = {
      single: (await world.pull(`${repository}:1-1`)).exitCode === 0,
      all: (await world.pull(`${repository}:1-1`, ["--all"])).exitCode === 0,
    };
    expect(pulls).toEqual({ single, all });
    expect(await world.verify(repository, "1-1")).toMatchObject({ ok: ours });
    await world.signer.close();
  });

  test("after removal of the signatures the image can't be pulled any more", async () => {
    const world = await consumer.world(consumer.keys.good);
    const signables = (["index", "amd64", "arm64"] as const).map((key) => ({ digest: image[key], publicName: publicName("1-1") }));
    await world.signer.ensureSigned(signables, never);
    for (const signable of signables) expect(await world.signer.removeSignatures(signable)).toBe(1);
    expect((await world.pull(`${repository}:1-1`)).exitCode).not.toBe(0);
    await world.signer.close();
  });
});

describe("how a lookaside answers (LA)", () => {
  interface Answer {
    readonly name: string;
    readonly accepted: boolean;
    readonly status: number;
    readonly body?: string;
    readonly location?: boolean;
  }
  const answers: readonly Answer[] = [
    { name: "LA1 404 ends the list", accepted: true, status: 404 },
    { name: "LA2, DG16 403 for an absent one", accepted: false, status: 403 },
    { name: "LA3 500", accepted: false, status: 500 },
    { name: "LA4 a redirect loop", accepted: false, status: 302, location: true },
    { name: "LA5 an HTML page with 200", accepted: false, status: 200, body: "<html>not found</html>" },
  ];
  test.each(answers)("$name", async ({ accepted, status, body, location }) => {
    const asked: string[] = [];
    let root = "";
    const server = createServer((request, response) => {
      asked.push(request.url ?? "");
      readFile(join(root, request.url ?? "")).then(
        (bytes) => response.end(bytes),
        () => response.writeHead(status, location ? { location: request.url ?? "" } : {}).end(body),
      );
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    try {
      const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const world = await consumer.world(consumer.keys.good, base);
      root = world.lookaside;
      const signables = (["index", "amd64", "arm64"] as const).map((key) => ({ digest: image[key], publicName: publicName("1-1") }));
      await world.signer.ensureSigned(signables, never);
      expect((await world.pull(`${repository}:1-1`)).exitCode === 0).toBe(accepted);
      // LA6: neither @ nor = is escaped on the way.
      expect(asked).toContain(`/${repository}@${image.amd64.replace(":", "=")}/signature-1`);
      const verified = await world.verify(repository, "1-1", httpLookaside(base, 10_000)).then(
        ({ ok }) => ok,
        (error) => error.code !== "signing.lookaside-unreadable",
      );
      expect(verified).toBe(accepted);
      await world.signer.close();
    } finally {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    }
  });

  test("LA7 what skopeo itself signs into a file base is taken by us, for every platform, and not signed again", async () => {
    // A key without subkeys: skopeo would let gpg choose the subkey of the other one, which nobody accepts (SG19).
    const world = await consumer.world(consumer.keys.other);
    const copied = `${consumer.registry.endpoint}/f40/copy`;
    const signed = await world.pull(
      `${repository}:1-1`,
      ["--all", "--sign-by", consumer.keys.other, "--dest-tls-verify=false"],
      `docker://${copied}:1-1`,
    );
    expect(signed).toMatchObject({ exitCode: 0 });
    expect(await world.verify("f40/copy", "1-1")).toMatchObject({ ok: true });
    const signables = (["index", "amd64", "arm64"] as const).map((key) => ({ digest: image[key], publicName: `${copied}:1-1` }));
    expect(await world.signer.ensureSigned(signables, never)).toBe(0);
    await world.signer.close();
  });
});
