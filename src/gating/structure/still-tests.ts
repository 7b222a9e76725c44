import type { ImageReader } from "../../engines/engine.ts";
import type { SearchBudget } from "../search.ts";
import { hasMetadata, type StructureFile } from "../structure-file.ts";
import { environmentOf, valuesOf } from "./expand.ts";
import { judgeContent } from "./file-content-test.ts";
import { judgeExistence } from "./file-existence-test.ts";
import type { Problem } from "./judgement.ts";
import { judgeLicenses } from "./license-test.ts";
import { judgeMetadata } from "./metadata-test.ts";

/** A test that starts nothing in the image. */
export interface StillTest {
  readonly title: string;
  judge(image: ImageReader): Promise<readonly Problem[]>;
}

/** In the Go program's order. */
export function stillTests(file: StructureFile, budget: SearchBudget): readonly StillTest[] {
  const metadata = file.metadataTest;
  return [
    ...(file.fileContentTests ?? []).map((test) => ({
      title: `File Content Test: ${test.name ?? ""}`,
      judge: (image: ImageReader) => judgeContent(test, image, budget),
    })),
    ...(file.fileExistenceTests ?? []).map((test) => ({
      title: `File Existence Test: ${test.name ?? ""}`,
      judge: (image: ImageReader) => judgeExistence(test, image, withGlobal(file, image)),
    })),
    ...(file.licenseTests ?? []).map((test) => ({
      title: "License Test",
      judge: (image: ImageReader) => judgeLicenses(test, image),
    })),
    ...(hasMetadata(metadata)
      ? [{ title: "Metadata Test", judge: ({ config }: ImageReader) => judgeMetadata(metadata, config, budget) }]
      : []),
  ];
}

function withGlobal(file: StructureFile, image: ImageReader): ReadonlyMap<string, string> {
  const environment = environmentOf(image.config.env);
  return new Map([...environment, ...valuesOf(file.globalEnvVars, environment)]);
}
