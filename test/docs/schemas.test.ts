import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { parse } from "yaml";
import { z } from "zod";

const root = join(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

/** As an editor reads the generated file; it knows nothing of the code. */
function schemaOf(path: string): z.ZodType {
  return z.fromJSONSchema(JSON.parse(read(path)));
}

test.each([
  ["container.yaml", "schemas/container-yaml.json"],
  ["tests/commands.yaml", "schemas/test-commands.json"],
])("the template's %s fits %s", (file, schema) => {
  const { error } = schemaOf(schema).safeParse(parse(read(`containers-repo-template/${file}`)));
  expect(error).toBeUndefined();
});

test.each([
  ["schemas/container-yaml.json", { platfroms: {} }],
  ["schemas/container-yaml.json", { tags: "latest" }],
  ["schemas/test-commands.json", { smoke: { commands: [] } }],
  ["schemas/test-commands.json", { smoke: { commands: [{ name: "a", run: "true", timeout: "soon" }] } }],
])("%s marks %j in an editor", (schema, wrong) => {
  expect(schemaOf(schema).safeParse(wrong).success).toBe(false);
});
