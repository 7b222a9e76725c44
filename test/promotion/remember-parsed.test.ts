import { expect, test } from "@jest/globals";
import { z } from "zod";
import { rememberParsed } from "../../src/promotion/remember-parsed.ts";
import { parseStrictYaml } from "../../src/promotion/strict-yaml.ts";

const Names = z.object({ names: z.array(z.string()) });
const bytes = (text: string) => new TextEncoder().encode(text);

function counted() {
  const parsed: string[] = [];
  const parse = rememberParsed((file, content) => {
    parsed.push(file);
    return parseStrictYaml(file, content, Names);
  });
  return { parse, parsed };
}

test("the same bytes under the same name are parsed once, and faults of a file name that file", () => {
  const { parse, parsed } = counted();
  expect(parse("a", bytes("names: [x]\n"))).toBe(parse("a", bytes("names: [x]\n")));
  parse("a", bytes("names: [y]\n"));
  const wrong = [parse("a", bytes("nobody: 1\n")), parse("b", bytes("nobody: 1\n"))];
  expect(wrong.map((one) => (one.ok ? [] : one.faults.map(({ file }) => file)))).toEqual([["a"], ["b"]]);
  expect(parsed).toEqual(["a", "a", "a", "b"]);
});

test("what several share nobody changes", () => {
  const found = counted().parse("a", bytes("names: [x]\n"));
  if (!found.ok) throw new Error(JSON.stringify(found));
  expect(() => found.value.names.push("y")).toThrow(TypeError);
});

test("long files and what nobody asked for lately are not kept", () => {
  const { parse, parsed } = counted();
  const long = bytes(`names: [${"x".repeat(40_000)}]\n`);
  parse("long", long);
  parse("long", long);
  for (let i = 0; i < 17; i += 1) parse(`${i}`, bytes("names: []\n"));
  parse("16", bytes("names: []\n"));
  parse("0", bytes("names: []\n"));
  expect(parsed.filter((file) => ["long", "16", "0"].includes(file))).toEqual(["long", "long", "0", "16", "0"]);
});
