import { z } from "zod";
import { ImageFile, Policy } from "./registry-manifest.ts";

/** JSON Schemas for editors, file name below `schemas/` to text; `scripts/write-registry-manifest-schemas.ts` writes them. Pure. */
export function registryManifestSchemas(): Readonly<Record<string, string>> {
  const text = (title: string, schema: z.ZodType) => `${JSON.stringify({ title, ...z.toJSONSchema(schema, { io: "input" }) }, null, 2)}\n`;
  return {
    "registry-manifest-image.schema.json": text("flibs registry manifest: one image", ImageFile),
    "registry-manifest-policy.schema.json": text("flibs registry manifest: policy.yaml", Policy),
  };
}
