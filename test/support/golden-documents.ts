// Documents of the build in finished-build.ts as files, to be read by people when they change: node test/support/golden-documents.ts
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildDocuments } from "../../src/documents/build-documents.ts";
import { aFinishedBuild } from "./finished-build.ts";

export const goldenDirectory = join(import.meta.dirname, "../fixtures/documents");

if (process.argv[1] === import.meta.filename) {
  mkdirSync(goldenDirectory, { recursive: true });
  for (const { name, text } of buildDocuments(aFinishedBuild())) writeFileSync(join(goldenDirectory, name), text);
}
