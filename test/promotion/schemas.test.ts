import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { registryManifestSchemas } from "../../src/promotion/registry-manifest-schemas.ts";

test.each(Object.entries(registryManifestSchemas()))(
  "schemas/%s is as the source says (node scripts/write-registry-manifest-schemas.ts)",
  (name, text) => {
    expect(readFileSync(new URL(`../../schemas/${name}`, import.meta.url), "utf8")).toBe(text);
  },
);
