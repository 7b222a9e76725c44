import type { ImageReader } from "../../engines/engine.ts";
import type { SearchBudget } from "../search.ts";
import type { FileContentTest } from "../structure-file.ts";
import { cannotTell, fail, type Problem, searchAll } from "./judgement.ts";

/** Longest file that is searched. */
export const maxFileBytes = 8 * 2 ** 20;

/** Variables are not put into the path: the Go program does so for files that must exist only. */
export async function judgeContent(test: FileContentTest, image: ImageReader, budget: SearchBudget): Promise<readonly Problem[]> {
  const malformed = [...(test.name ? [] : [fail("the test has no name")]), ...(test.path ? [] : [fail("the test has no path")])];
  if (malformed.length > 0) return malformed;
  const path = test.path ?? "";
  const content = await readFileOf(image, path);
  if (!(content instanceof Uint8Array)) return [content];
  const { expectedContents, excludedContents } = test;
  return searchAll([{ where: path, bytes: content, expected: expectedContents ?? [], excluded: excludedContents ?? [] }], budget);
}

export async function readFileOf(image: ImageReader, path: string): Promise<Uint8Array | Problem> {
  const content = await image.read(path, maxFileBytes);
  switch (content.kind) {
    case "content":
      return content.bytes;
    case "too-large":
      return cannotTell(`${path} is larger than the ${maxFileBytes / 2 ** 20} MiB that are searched`);
    case "absent":
      return fail(`${path} is not in the image`);
    case "link":
      return fail(`${path} is a link that leads to no file`);
    case "directory":
      return fail(`${path} is a directory`);
    case "other":
      return fail(`${path} is a device, pipe or socket`);
  }
}
