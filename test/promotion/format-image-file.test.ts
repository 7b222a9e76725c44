import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatImageFile } from "../../src/promotion/format-image-file.ts";
import { editImageFile, newImageFile, parseImageFile } from "../../src/promotion/image-file.ts";

const path = "images/f40/cockpit.yaml";
const bytes = (text: string) => new TextEncoder().encode(text);
const format = (text: string) => formatImageFile(path, bytes(text));
const digest = (letter: string) => `sha256:${letter.repeat(64)}` as const;

function formatted(text: string): string {
  const result = format(text);
  if (!result.ok) throw new Error(result.faults.map((one) => one.message).join("; "));
  return result.text;
}

const untidy = `# owned by the cockpit people
repository: "f40/cockpit"
schema: 1   # of the format
floating:
    # what most people use
    latest: 323-2.fc40
    323: '323-1.fc40' # stable

withdrawn: {"323-1.fc40": {by: alice, reason: "CVE-2026-1: bad", removeTag: true}}
releases:
    '323-1.fc40':
        build: 20261101
        # what was tested
        digest: ${digest("a")}
    1.10-2: {digest: ${digest("b")}, build: b2}
    # the newest
    323-2.fc40: {digest: ${digest("c")}, build: "b3"}
`.replaceAll("\n", "\r\n");

test("an untidy file gets the one form: order, quotes, lines, and every comment stays with what it is about", () => {
  expect(formatted(untidy)).toBe(`schema: 1 # of the format
# owned by the cockpit people
repository: f40/cockpit
releases:
  "323-1.fc40":
    # what was tested
    digest: ${digest("a")}
    build: "20261101"
  "1.10-2":
    digest: ${digest("b")}
    build: "b2"
  # the newest
  "323-2.fc40":
    digest: ${digest("c")}
    build: "b3"
floating:
  "323": "323-1.fc40" # stable
  # what most people use
  latest: "323-2.fc40"

withdrawn:
  "323-1.fc40":
    reason: "CVE-2026-1: bad"
    by: "alice"
    removeTag: true
`);
});

describe("what flibs writes itself", () => {
  const tag = fc.stringMatching(/^[a-z0-9_][a-z0-9._-]{0,12}-[0-9][a-z0-9._]{0,6}$/);
  const floating = fc.uniqueArray(fc.stringMatching(/^[a-z0-9_][a-z0-9._]{0,8}$/), { maxLength: 4 });
  const hex = fc.stringMatching(/^[0-9a-f]{64}$/);
  const edits = fc
    .uniqueArray(fc.record({ tag, hex, floating }), { selector: (edit) => edit.tag, minLength: 1, maxLength: 4 })
    .filter((all) => all.every((edit) => !edit.floating.some((one) => all.some((other) => other.tag === one))));

  test("is in the form already, after any number of promotions; formatting twice changes nothing", () => {
    fc.assert(
      fc.property(edits, (all) => {
        const [first, ...others] = all.map((edit) => ({
          tag: edit.tag,
          release: { digest: `sha256:${edit.hex}` as const, build: "b1" },
          floating: edit.floating,
        }));
        let text = newImageFile("f40/cockpit", first as NonNullable<typeof first>);
        for (const edit of others) {
          const parsed = parseImageFile(path, bytes(text));
          if (!parsed.ok) throw new Error(parsed.faults[0]?.message);
          text = editImageFile(parsed, edit);
        }
        expect(format(text)).toEqual({ ok: true, text, changed: false });
      }),
      { numRuns: 50 },
    );
  });
});

/** Parts of image files as people write them, valid and not. */
const piece = fc.constantFrom(
  "schema: 1\n",
  "repository: f40/cockpit\n",
  "releases:\n",
  `  "1-1":\n    digest: ${digest("a")}\n    build: b1\n`,
  `  2-1: {build: 7, digest: ${digest("b")}}\n`,
  "floating:\n",
  "  latest: 1-1\n",
  "  1.10: '2-1' # old\n",
  "withdrawn:\n",
  '  "1-1": {by: a, reason: "# not a comment"}\n',
  "# a comment\n",
  "  # an inner comment\n",
  "    # a deep comment\n",
  "\n",
  "---\n",
  "&a ",
  "*a\n",
  "\t",
  "- x\n",
  "| \n",
  "'",
);

test("whatever the text: it is taken and reads back with the same meaning and comments, or refused and told why", () => {
  let taken = 0;
  const lists = fc.array(piece, { maxLength: 14 });
  const whole = fc.shuffledSubarray(
    [
      "schema: 1\n",
      "repository: f40/cockpit\n",
      `releases: # all\n  "1-1": {build: 1, digest: ${digest("a")}}\n`,
      "floating:\n  1: 1-1 # x\n",
      "# c\n",
    ],
    { minLength: 4 },
  );
  fc.assert(
    fc.property(fc.oneof(lists, whole), (pieces) => {
      const text = pieces.join("");
      const result = format(text);
      if (!result.ok) return expect(result.faults.length).toBeGreaterThan(0);
      taken += 1;
      expect(parseImageFile(path, bytes(result.text))).toMatchObject({ ok: true });
      expect(format(result.text)).toEqual({ ok: true, text: result.text, changed: false });
      const comments = (one: string) => one.split("#").length;
      expect(comments(result.text)).toBe(comments(text));
      const before = parseImageFile(path, bytes(text));
      const after = parseImageFile(path, bytes(result.text));
      if (before.ok && after.ok) expect(after.value).toEqual(before.value);
    }),
    { numRuns: 300 },
  );
  expect(taken).toBeGreaterThan(20);
});

test.each([
  [
    "a key that is there twice",
    `schema: 1\nschema: 1\nrepository: f40/cockpit\nreleases:\n  "1-1": {digest: ${digest("a")}, build: b}\n`,
    /there twice/,
  ],
  ["an alias", `schema: 1\nrepository: &x f40/cockpit\nreleases:\n  "1-1": {digest: ${digest("a")}, build: *x}\n`, /alias|anchor/],
  [
    "an unknown field",
    `schema: 1\nrepository: f40/cockpit\ncolour: red\nreleases:\n  "1-1": {digest: ${digest("a")}, build: b}\n`,
    /unknown field/,
  ],
  ["a tab", "schema:\t1\n", /U\+0009/],
  ["a million brackets", "[".repeat(500_000), /nested too deeply/],
  ["no text", "\u0000", /U\+0000/],
])("%s is a fault, since its meaning would be guessed", (_name, text, says) => {
  const result = format(text);
  if (result.ok) throw new Error(`taken: ${result.text}`);
  expect(result.faults.map((one) => one.message).join("\n")).toMatch(says);
});
