import { writeFileSync } from "node:fs";
import { registryManifestSchemas } from "../src/promotion/registry-manifest-schemas.ts";

/** Writes `schemas/registry-manifest-*.json`; run it after a change of the schema, a test compares. */
for (const [name, text] of Object.entries(registryManifestSchemas())) writeFileSync(new URL(`../schemas/${name}`, import.meta.url), text);
