import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";

const Manifest = z.object({
  default_permissions: z.record(z.string(), z.enum(["read", "write", "admin"])),
  default_events: z.array(z.string()),
});

/** app.yml as GitHub reads it: what the double's App may do and hears. */
export async function readAppManifest() {
  const text = await readFile(join(import.meta.dirname, "../../app.yml"), "utf8");
  const { default_permissions: permissions, default_events: events } = Manifest.parse(parse(text));
  return { slug: "flibs", permissions, events };
}
