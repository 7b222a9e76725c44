import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseRpmHeader } from "../../src/builds/rpm-header.ts";
import { findRpmDatabase } from "../../src/builds/rpm-list.ts";
import { readRpmDatabase } from "../../src/builds/rpmdb/rpm-database.ts";

/** A header with string tags. */
function header(texts: Readonly<Record<number, string>>): Buffer {
  const entries = Object.entries(texts);
  const data: Buffer[] = [];
  const index = Buffer.alloc(8 + entries.length * 16);
  let offset = 0;
  entries.forEach(([tag, text], i) => {
    for (const [at, value] of [Number(tag), 6, offset, 1].entries()) index.writeUInt32BE(value, 8 + i * 16 + at * 4);
    data.push(Buffer.from(`${text}\0`));
    offset += Buffer.byteLength(text) + 1;
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
