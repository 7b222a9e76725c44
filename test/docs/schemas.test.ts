import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { parse } from "yaml";

const root = join(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

/** As an editor reads the generated file; it knows nothing of the code. */
function schemaOf(path: string): ValidateFunction {
  return new Ajv2020({ strictRequired: false, allowUnionTypes: true }).compile(JSON.parse(read(path)));
}

test.each([
  ["container.yaml", "schemas/container-yaml.json"],
  ["tests/commands.yaml", "schemas/test-commands.json"],
  ["tests/structure.yaml", "schemas/structure-tests.json"],
])("the template's %s fits %s", (file, schema) => {
  const fits = schemaOf(schema);
  fits(parse(read(`containers-repo-template/${file}`)));
  expect(fits.errors).toBeNull();
});

test.each([
  ["schemas/container-yaml.json", { platfroms: {} }],
  ["schemas/container-yaml.json", { tags: "latest" }],
  ["schemas/container-yaml.json", { go: { modules: [] }, remote_source: null }],
  ["schemas/container-yaml.json", { compose: { packages: [], unknown: true } }],
  ["schemas/content-sets.json", { x86_64: ["rhel-8-rpms", "debug"] }],
  ["schemas/test-commands.json", { smoke: { commands: [] } }],
  ["schemas/structure-tests.json", { schemaVersion: "1.0.0" }],
  ["schemas/structure-tests.json", { schemaVersion: "2.0.0", fileExistenceTests: [{ name: "a", path: "/a", shouldExit: true }] }],
  ["schemas/test-commands.json", { smoke: { commands: [{ name: "a", run: "true", timeout: "soon" }] } }],
])("%s marks %j in an editor", (schema, wrong) => {
  expect(schemaOf(schema)(wrong)).toBe(false);
});
