import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { httpLookaside } from "../../../src/signing/openpgp/lookaside-http.ts";
import { servedDirectory } from "../../../src/web/directory/served-directory.ts";
import { webWorld } from "../../support/web-world.ts";
import { startConsumer } from "./consumer.ts";
import { type PushedImage, pushImage } from "./pushed-image.ts";

/** How a lookaside has to answer (LA): skopeo and podman are asked, our own reader must say the same. */
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

describe("how a lookaside answers (LA)", () => {
  interface Answer {
    readonly name: string;
    readonly accepted: boolean;
    readonly status: number;
    readonly body?: string;
    readonly location?: boolean;
  }
  const answers: readonly Answer[] = [
    { name: "LA1: 404 ends the list", accepted: true, status: 404 },
    { name: "LA2, DG16: 403 for an absent one", accepted: false, status: 403 },
    { name: "LA3: 500", accepted: false, status: 500 },
    { name: "LA4: a redirect loop", accepted: false, status: 302, location: true },
    { name: "LA5: an HTML page with 200", accepted: false, status: 200, body: "<html>not found</html>" },
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
      const world = await consumer.world(consumer.keys.good, { base });
      root = world.lookaside;
      await world.signer.ensureSigned(signables(), never);
      expect(await world.accepts(`${repository}:1-1`)).toEqual({ skopeo: accepted, podman: accepted });
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

  test("LA7: what skopeo itself signs into a file base is taken by us, for every platform, and not signed again", async () => {
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
    const copies = signables().map(({ digest }) => ({ digest, publicName: `${copied}:1-1` }));
    expect(await world.signer.ensureSigned(copies, never)).toBe(0);
    await world.signer.close();
  });

  test("LA6: flibs' own web server answers as clients want it, with @ and = unescaped, and soon after a withdrawal no more", async () => {
    const lookaside = await mkdtemp(join(tmpdir(), "flibs-"));
    const served = webWorld({}, { lookasides: { production: servedDirectory(lookaside, 65_536) } });
    try {
      const world = await consumer.world(consumer.keys.good, { base: `${await served.server.listen()}/lookaside/production`, lookaside });
      expect(await world.accepts(`${repository}:1-1`)).toEqual({ skopeo: false, podman: false });
      await world.signer.ensureSigned(signables(), never);
      expect(await world.accepts(`${repository}:1-1`)).toEqual({ skopeo: true, podman: true });
      for (const signable of signables()) await world.signer.removeSignatures(signable);
      expect(await world.accepts(`${repository}:1-1`)).toEqual({ skopeo: false, podman: false });
      await world.signer.close();
    } finally {
      await served.server.close();
      await rm(lookaside, { recursive: true });
    }
  });
});
