import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { StructureFile } from "../../src/gating/structure-file.ts";
import { readStructureExamples, readStructureText, structurePage } from "../support/structure-examples.ts";

// That they do on a real engine what the page says is shown in test/real/gating/structure.test.ts.
const examples = readStructureExamples();

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

function fieldsOf(schema: Schema, path = ""): readonly string[] {
  const inner = [schema, ...(schema.anyOf ?? [])];
  return [
    ...inner.flatMap(({ items }) => (items === undefined ? [] : fieldsOf(items, `${path}[]`))),
    ...inner.flatMap(({ properties }) =>
      Object.entries(properties ?? {}).flatMap(([name, value]) => {
        const field = path === "" ? name : `${path}.${name}`;
        return [field, ...fieldsOf(value, field)];
      }),
    ),
  ];
}

test("every field of the schema has an example that passes and one that does not, and no other field has", () => {
  const fields = fieldsOf(z.toJSONSchema(StructureFile, { io: "input" }) as Schema);
  expect(fields.length).toBeGreaterThan(50);
  const shown = (kinds: readonly string[]) => examples.filter(({ expected }) => kinds.includes(expected)).map(({ field }) => field);
  expect([...new Set(shown(["pass"]))].toSorted()).toEqual(fields.toSorted());
  expect([...new Set(shown(["fail", "refused"]))].toSorted()).toEqual(fields.toSorted());
});

describe("lint", () => {
  test.each(examples.map((example) => [example.name, example] as const))("%s", async (_, { text, expected }) => {
    const { suites, findings } = await readStructureText(text);
    const errors = findings.filter(({ severity }) => severity === "error").map(({ message, line }) => `${line}: ${message}`);
    if (expected === "refused") expect([suites, errors]).toEqual([[], [expect.any(String)]]);
    else expect([suites.length, errors]).toEqual([1, []]);
  });
});

test("the file in the page's text is one", async () => {
  const text = /```yaml\n(.*?)```/s.exec(readFileSync(structurePage, "utf8"))?.[1] ?? "";
  expect(await readStructureText(text)).toMatchObject({ suites: [{ name: "structure", kind: "structure" }], findings: [] });
});
