import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { AllowedHost } from "../../../src/engines/network/allowed-host.ts";
import { answerDns } from "../../../src/engines/network/dns-answer.ts";
import { question, startNameServer, whoAnswers } from "../../../src/engines/network/name-server.ts";
import { pinnedAddresses, type ResolveName } from "../../../src/engines/network/pinned-addresses.ts";
import { scratchDirectory } from "../../support/scratch-directory.ts";

const find = (name: string) =>
  new Map([
    ["mirror.test", ["203.0.113.7", "203.0.113.8"]],
    ["nowhere.test", []],
  ]).get(name);

/** Code and addresses of an answer. */
function read(answer: Uint8Array | undefined) {
  if (answer === undefined) return undefined;
  const bytes = Buffer.from(answer);
  const count = bytes.readUInt16BE(6);
  const addresses = Array.from({ length: count }, (_, index) =>
    bytes
      .subarray(bytes.length - 16 * (count - index))
      .subarray(12, 16)
      .join("."),
  );
  return { code: bytes.readUInt16BE(2) & 0xf, addresses };
}

const ofType = (name: string, type: number) => {
  const asked = question(name);
  asked.writeUInt16BE(type, asked.length - 4);
  return asked;
};

test("names of the list are answered, in whatever case, others are not there", () => {
  expect(read(answerDns(question("mirror.test"), find))).toEqual({ code: 0, addresses: ["203.0.113.7", "203.0.113.8"] });
  expect(read(answerDns(question("MIRROR.test"), find))).toEqual({ code: 0, addresses: ["203.0.113.7", "203.0.113.8"] });
  expect(read(answerDns(question("nowhere.test"), find))).toEqual({ code: 0, addresses: [] });
  expect(read(answerDns(question("secret.example.test"), find))).toEqual({ code: 3, addresses: [] });
  expect(read(answerDns(question("x.mirror.test"), find))).toEqual({ code: 3, addresses: [] });
});

test("a name of the list has IPv4 addresses only, and no texts or other things to carry a message", () => {
  for (const type of [28, 16, 255, 5, 252]) expect(read(answerDns(ofType("mirror.test", type), find))).toEqual({ code: 0, addresses: [] });
});

test("what is no question gets no answer, and what is no good question an error", () => {
  const response = question("mirror.test");
  response.writeUInt16BE(0x8180, 2);
  expect(answerDns(response, find)).toBeUndefined();
  expect(answerDns(Buffer.alloc(11), find)).toBeUndefined();
  const update = question("mirror.test");
  update.writeUInt16BE(5 << 11, 2);
  expect(read(answerDns(update, find))).toEqual({ code: 4, addresses: [] });
  expect(read(answerDns(question("mirror.test").subarray(0, 15), find))).toEqual({ code: 1, addresses: [] });
  const pointer = Buffer.concat([question("a").subarray(0, 12), Buffer.from([0xc0, 0x0c, 0, 1, 0, 1])]);
  expect(read(answerDns(pointer, find))).toEqual({ code: 1, addresses: [] });
  const chaos = question("mirror.test");
  chaos.writeUInt16BE(3, chaos.length - 2);
  expect(read(answerDns(chaos, find))).toEqual({ code: 5, addresses: [] });
});

test("no packet makes it throw, or say more than fits into an answer, or say anything that was not known", () => {
  const many = Array.from({ length: 200 }, (_, index) => `203.0.113.${index}`);
  const packets = fc.oneof(
    fc.uint8Array({ maxLength: 600 }),
    fc.uint8Array({ maxLength: 500 }).map((tail) => Buffer.concat([Buffer.from([1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]), tail])),
    fc.domain().map((name) => question(name.slice(0, 200))),
  );
  fc.assert(
    fc.property(packets, (packet) => {
      const answer = answerDns(packet, () => many);
      if (answer === undefined) return;
      expect(answer.length).toBeLessThanOrEqual(512);
      expect(answer[2] ?? 0).toBeGreaterThanOrEqual(0x80);
    }),
  );
});

// An address of this machine that nobody else thinks of.
const here = "127.83.41.7";

test("flibs' own name server is told from another one, and from none", async () => {
  const server = await startNameServer(here, 53_053, find);
  expect(await whoAnswers(here, 53_053)).toBe("ours");
  await expect(startNameServer(here, 53_053, find)).rejects.toMatchObject({
    code: "engine.network-taken",
    message: "another program answers names on 127.83.41.7:53053",
  });
  await server.close();
  expect(await whoAnswers(here, 53_053)).toBe("silent");
  const other = createSocket("udp4");
  other.on("message", (packet, from) => {
    const answer = answerDns(packet, () => undefined);
    if (answer) other.send(answer, from.port, from.address);
  });
  other.bind(53_053, here);
  await once(other, "listening");
  expect(await whoAnswers(here, 53_053)).toBe("other");
  other.close();
});

const entry = (host: string, more: Partial<AllowedHost> = {}): AllowedHost => ({
  host,
  ports: ["443"],
  addresses: [],
  private: false,
  ...more,
});

async function pins(allow: readonly AllowedHost[], directory: string) {
  const dns: Record<string, string[]> = Object.create(null);
  const clock = { now: 1_000_000_000 };
  const resolve: ResolveName = async (name) => {
    const found = dns[name];
    if (found === undefined) throw new Error(`queryA ENOTFOUND ${name}`);
    return found;
  };
  const file = join(directory, "network/addresses.json");
  const pinned = pinnedAddresses({ file, allow, resolve, now: () => clock.now });
  const renew = async () => {
    const resolved = await pinned.resolve();
    await pinned.write(resolved);
    return { addresses: Object.fromEntries(resolved.addresses), missing: resolved.missing };
  };
  return { dns, clock, file, pinned, renew };
}

test("an address stays for an hour after DNS last said it", async () => {
  await using scratch = await scratchDirectory();
  const { dns, clock, renew, pinned } = await pins([entry("mirror.test")], scratch.path);
  dns["mirror.test"] = ["203.0.113.7"];
  expect((await renew()).addresses).toEqual({ "mirror.test": ["203.0.113.7"] });
  dns["mirror.test"] = ["203.0.113.8"];
  clock.now += 3_599_999;
  expect((await renew()).addresses).toEqual({ "mirror.test": ["203.0.113.7", "203.0.113.8"] });
  delete dns["mirror.test"];
  clock.now += 3_599_999;
  expect(await renew()).toEqual({ addresses: { "mirror.test": ["203.0.113.8"] }, missing: [] });
  clock.now += 1;
  expect(await renew()).toEqual({ addresses: { "mirror.test": [] }, missing: ["mirror.test: DNS: queryA ENOTFOUND mirror.test"] });
  expect(Object.fromEntries(await pinned.read())).toEqual({ "mirror.test": [] });
});

test("DNS cannot open the site's own networks, unless the entry says private", async () => {
  await using scratch = await scratchDirectory();
  const { dns, renew } = await pins(
    [entry("a.test"), entry("b.test", { private: true }), entry("c.test", { private: true })],
    scratch.path,
  );
  dns["a.test"] = ["10.0.0.5", "127.0.0.1"];
  dns["b.test"] = ["10.0.0.5", "169.254.169.254"];
  dns["c.test"] = ["169.254.169.254", "not an address", "::1"];
  expect(await renew()).toEqual({
    addresses: { "a.test": [], "b.test": ["10.0.0.5"], "c.test": [] },
    missing: [
      "a.test: DNS says 10.0.0.5, 127.0.0.1, which is private; private: true would allow that",
      "c.test: DNS says 169.254.169.254, not an address, ::1, which no build may reach",
    ],
  });
});

test("what was written under an earlier list, or by hand, opens nothing that this list does not", async () => {
  await using scratch = await scratchDirectory();
  const { file, pinned, renew } = await pins([entry("mirror.test"), entry("constructor")], scratch.path);
  expect(Object.fromEntries(await pinned.read())).toEqual({ "mirror.test": [], constructor: [] });
  await renew();
  await writeFile(
    file,
    JSON.stringify({ "mirror.test": [{ address: "10.0.0.5", at: 1 }], "other.test": [{ address: "203.0.113.9", at: 1 }] }),
  );
  expect(Object.fromEntries(await pinned.read())).toEqual({ "mirror.test": [], constructor: [] });
  await writeFile(file, '{"mirror.test": [{"address": "203.0.113.9 -j ACCEPT", "at": 1}]}');
  expect(Object.fromEntries(await pinned.read())).toEqual({ "mirror.test": [], constructor: [] });
  await writeFile(file, "torn{");
  await renew();
  expect(await readFile(file, "utf8")).toBe('{"mirror.test":[],"constructor":[]}');
});

test("nobody who answers for a name can fill the firewall", async () => {
  await using scratch = await scratchDirectory();
  const { dns, renew } = await pins([entry("mirror.test")], scratch.path);
  dns["mirror.test"] = Array.from({ length: 250 }, (_, index) => `203.0.113.${index}`);
  expect((await renew()).addresses["mirror.test"]).toHaveLength(64);
});
