import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { type FoundObject, replyReader, requestOf } from "../../../src/forge/git/cat-file.ts";

const id = "0123456789abcdef0123456789abcdef01234567";

interface Reply {
  readonly name: string;
  readonly content: Buffer | undefined;
}
type Heard = { found: FoundObject | undefined; content: string };

/** What git says to these names; undefined content = there is no such object. */
function said(replies: readonly Reply[], withContents: boolean): Buffer {
  return Buffer.concat(
    replies.flatMap(({ name, content }) => {
      if (content === undefined) return [Buffer.from(`${name} missing\n`)];
      return [Buffer.from(`${id} blob ${content.length}\n`), ...(withContents ? [content, Buffer.from("\n")] : [])];
    }),
  );
}

function hear(
  replies: readonly Pick<Reply, "name">[],
  withContents: boolean,
  pieces: readonly Buffer[],
): { heard: Heard[]; whole: boolean[] } {
  const heard: Heard[] = [];
  const read = replyReader(
    replies.map(({ name }) => name),
    withContents,
    {
      begin: (found) => heard.push({ found, content: "" }),
      piece: (part) => {
        const last = heard.at(-1);
        if (last) last.content += part.toString("latin1");
      },
    },
  );
  return { whole: pieces.map((piece) => read(piece)), heard };
}

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...ends, bytes.length].map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end)).filter((piece) => piece.length > 0);
}

/** Paths as strangers name them: with line feeds, words of git's own replies, and characters of several bytes. */
const path = fc.oneof(
  fc.string({ unit: "grapheme", minLength: 1 }),
  fc.constantFrom("a\nb", "\n", "x missing\n", `\n${id} blob 3\nabc\n`, "ü\n\n", "a\r", " ", "\ud800"),
);
const replies = fc.array(
  fc.record({
    name: path.filter((one) => !one.includes("\0")).map((one) => `${id}:${one}`),
    content: fc.option(
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
      { nil: undefined },
    ),
  }),
  { minLength: 1, maxLength: 8 },
);

describe("replies of git cat-file", () => {
  test("the place of a submodule holds no file, also in the words of newer gits", () => {
    const { heard, whole } = hear([{ name: `${id}:images/x.yaml` }], true, [Buffer.from(`${id} submodule\n`)]);
    expect({ heard, whole }).toEqual({ heard: [{ found: undefined, content: "" }], whole: [true] });
  });

  test("are the same however they are cut into pieces", () => {
    fc.assert(
      fc.property(replies, fc.boolean(), fc.array(fc.nat()), (asked, withContents, places) => {
        const { heard, whole } = hear(asked, withContents, cut(said(asked, withContents), places));
        expect(heard).toEqual(
          asked.map(({ content }) => ({
            found: content && { id, type: "blob", size: content.length },
            content: withContents ? (content?.toString("latin1") ?? "") : "",
          })),
        );
        expect(whole).toEqual(whole.map((_, i) => i === whole.length - 1));
      }),
    );
  });

  test("are the same byte by byte", () => {
    const asked = [
      { name: `${id}:a\nb`, content: undefined },
      { name: id, content: Buffer.from("\nblob 3\n") },
      { name: id, content: Buffer.alloc(0) },
    ];
    const bytes = said(asked, true);
    const { heard } = hear(asked, true, cut(bytes, [...bytes.keys()]));
    expect(heard.map(({ found, content }) => [found?.size, content])).toEqual([
      [undefined, ""],
      [8, "\nblob 3\n"],
      [0, ""],
    ]);
  });

  test("that no git gives are refused, however they are cut", () => {
    fc.assert(
      fc.property(
        replies,
        fc.boolean(),
        fc.array(fc.nat()),
        fc.constantFrom("x", "\n", `${id} blob 1\n`),
        (asked, withContents, places, more) => {
          const bytes = Buffer.concat([said(asked, withContents), Buffer.from(more)]);
          expect(() => hear(asked, withContents, cut(bytes, places))).toThrow(/more than it was asked/);
        },
      ),
    );
  });

  test.each([
    ["another name", `${id}:b missing\n`],
    ["a kind of object that is none", `${id} heap 3\n`],
    ["a size that is none", `${id} blob -1\n`],
    ["a size that no file has", `${id} blob 99999999999999999\n`],
    ["a short id", "0123456 blob 3\n"],
    ["a line without end", "x".repeat(1000)],
    ["no line feed after the contents", `${id} blob 1\nab`],
  ])("%s is refused", (_, text) => {
    expect(() => hear([{ name: `${id}:a` }], true, [Buffer.from(text)])).toThrow();
  });

  test("an ambiguous name stands for nothing", () => {
    expect(hear([{ name: "0123" }], false, [Buffer.from("0123 ambiguous\n")])).toEqual({
      heard: [{ found: undefined, content: "" }],
      whole: [true],
    });
  });
});

test("a request holds one name after the other, and none that would be two", () => {
  expect(requestOf("info", [`${id}:a\nb`, id])).toBe(`info ${id}:a\nb\0info ${id}\0`);
  expect(() => requestOf("contents", [`${id}:a\0info ${id}`])).toThrow(/NUL/);
});
