import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseRpmHeader } from "../../src/builds/rpm-header.ts";
import { findRpmDatabase } from "../../src/builds/rpm-list.ts";
import { readRpmDatabase } from "../../src/builds/rpmdb/rpm-database.ts";
import { scratchDirectory } from "../support/scratch-directory.ts";

/** A header with string tags, and others by type and bytes; a type but binary counts one. */
function header(texts: Readonly<Record<number, string>>, others: Readonly<Record<number, readonly [number, Buffer]>> = {}): Buffer {
  const strings = Object.entries(texts).map(([tag, text]) => [tag, 6, Buffer.from(`${text}\0`)] as const);
  const entries = [...strings, ...Object.entries(others).map(([tag, [type, bytes]]) => [tag, type, bytes] as const)];
  const data: Buffer[] = [];
  const index = Buffer.alloc(8 + entries.length * 16);
  let offset = 0;
  entries.forEach(([tag, type, bytes], i) => {
    const count = type === 7 ? bytes.length : 1;
    for (const [at, value] of [Number(tag), type, offset, count].entries()) index.writeUInt32BE(value, 8 + i * 16 + at * 4);
    data.push(bytes);
    offset += bytes.length;
  });
  index.writeUInt32BE(entries.length, 0);
  index.writeUInt32BE(offset, 4);
  return Buffer.concat([index, ...data]);
}

const bash = header({ 1000: "bash", 1001: "5.2", 1002: "1.fc42", 1022: "x86_64" });

test("a header gives name, version, release", () => {
  expect(parseRpmHeader(bash)).toMatchObject({ name: "bash", version: "5.2", release: "1.fc42", arch: "x86_64", epoch: undefined });
  expect(parseRpmHeader(header({ 1000: "gpg-pubkey", 1001: "a", 1002: "b" }))).toBeUndefined();
});

test("a name, version, release or architecture may have 256 bytes, a license 4,096", () => {
  const at = (tag: number, length: number) => parseRpmHeader(header({ 1000: "n", 1001: "1", 1002: "1", [tag]: "x".repeat(length) }));
  for (const tag of [1000, 1001, 1002]) {
    expect(at(tag, 256)).toBeDefined();
    expect(at(tag, 257)).toBeUndefined();
  }
  expect(at(1022, 256)?.arch).toHaveLength(256);
  expect(at(1022, 257)?.arch).toBeUndefined();
  expect(at(1014, 4096)?.license).toHaveLength(4096);
  expect(at(1014, 4097)).toMatchObject({ name: "n", license: undefined });
});

test("vendor and the key of the best signature are kept, and only they", () => {
  const keyId = "c8ac4916105ef944";
  // Version 3: type, time, key.
  const signature = (key: string) => Buffer.from(`88180305006500000${"0"}${key}0102abcd0008ff`.padEnd(52, "0"), "hex");
  const signed = header(
    { 1000: "bash", 1001: "5", 1002: "1", 1011: "Fedora Project" },
    { 259: [7, signature("aaaaaaaaaaaaaaaa")], 268: [7, signature(keyId)] },
  );
  expect(parseRpmHeader(signed)).toMatchObject({ vendor: "Fedora Project", keyId });
  const modern = header({ 1000: "bash", 1001: "5", 1002: "1" }, { 278: [8, Buffer.from(`${signature(keyId).toString("base64")}\0`)] });
  expect(parseRpmHeader(modern)?.keyId).toBe(keyId);
  const unsigned = parseRpmHeader(bash);
  expect(unsigned).not.toHaveProperty("keyId");
  expect(unsigned).not.toHaveProperty("vendor");
  const lie = header({ 1000: "bash", 1001: "5", 1002: "1" }, { 268: [4, signature(keyId)], 278: [8, Buffer.from("no end")] });
  expect(parseRpmHeader(lie)).not.toHaveProperty("keyId");
});

/** Files of an image whose database has `count` packages with licenses of that length, each character 6 bytes of JSON. */
async function databaseOf(count: number, licenseLength: number): Promise<Record<string, Uint8Array>> {
  await using scratch = await scratchDirectory();
  const file = join(scratch.path, "rpmdb.sqlite");
  const database = new DatabaseSync(file);
  database.exec("PRAGMA journal_mode = MEMORY; CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL); BEGIN");
  const insert = database.prepare("INSERT INTO Packages(blob) VALUES (?)");
  for (let i = 0; i < count; i++) insert.run(header({ 1000: `n${i}`, 1001: "1", 1002: "1", 1014: "\u0001".repeat(licenseLength) }));
  database.exec("COMMIT");
  database.close();
  return { "/usr/lib/sysimage/rpm/rpmdb.sqlite": readFileSync(file) };
}

test("what is kept of a database ends at 8 MiB of JSON, and the list says so", async () => {
  const { rpms, problem } = await readRpmDatabase(await databaseOf(400, 4096));
  expect(problem).toBe("the names, versions and licenses in the rpm database are larger than 8 MiB together");
  expect(rpms.length).toBeGreaterThan(300);
  expect(Buffer.byteLength(JSON.stringify(rpms))).toBeLessThan(8 * 1024 * 1024 + 1024);
  const small = await readRpmDatabase(await databaseOf(400, 10));
  expect(small.problem).toBeUndefined();
  expect(small.rpms).toHaveLength(400);
});

test("no change of bytes makes the parser throw or read beyond the header", () => {
  const change = fc.array(fc.tuple(fc.nat(bash.length - 1), fc.nat(255)), { maxLength: 8 });
  fc.assert(
    fc.property(change, fc.nat(bash.length), (changes, length) => {
      const bytes = Buffer.from(bash);
      for (const [at, value] of changes) bytes[at] = value;
      const rpm = parseRpmHeader(bytes.subarray(0, length));
      if (rpm !== undefined) expect(rpm.name.length).toBeLessThanOrEqual(bash.length);
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ["Packages.db", "ndb"],
  ["Packages", "Berkeley DB"],
])("%s is told as unsupported", (file, format) => {
  expect(findRpmDatabase({ [`/var/lib/rpm/${file}`]: new Uint8Array([1]) })).toEqual({
    problem: `unsupported format: /var/lib/rpm/${file} is an rpm database of the ${format} kind; only rpmdb.sqlite is read`,
  });
});

test("an image without rpm has no RPMs and no problem; garbage is a problem and no crash", async () => {
  expect(await readRpmDatabase({})).toEqual({ rpms: [] });
  const { rpms, problem } = await readRpmDatabase({ "/var/lib/rpm/rpmdb.sqlite": Buffer.from("not a database at all".repeat(100)) });
  expect(rpms).toEqual([]);
  expect(problem).toMatch(/^the rpm database can't be read: /);
});
