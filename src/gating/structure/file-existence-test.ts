import type { ImageEntry, ImageReader } from "../../engines/engine.ts";
import { formatGoMode } from "../go-mode.ts";
import type { FileExistenceTest } from "../structure-file.ts";
import { expandVariables } from "./expand.ts";
import { fail, type Problem } from "./judgement.ts";

/** Devices, pipes and sockets count as absent: the Go program does not see them. */
export async function judgeExistence(
  test: FileExistenceTest,
  image: ImageReader,
  environment: ReadonlyMap<string, string>,
): Promise<readonly Problem[]> {
  const malformed = [...(test.name ? [] : [fail("the test has no name")]), ...(test.path ? [] : [fail("the test has no path")])];
  if (malformed.length > 0) return malformed;
  const path = expandVariables(test.path ?? "", environment);
  const entry = await image.find(path);
  const isThere = entry !== undefined && entry.kind !== "other";
  if (test.shouldExist === false) return isThere ? [fail(`${path} is in the image`)] : [];
  return isThere ? judgeEntry(test, path, entry) : [fail(`${path} is not in the image`)];
}

const executeBits = { owner: 0o100, group: 0o010, other: 0o001, any: 0o111 } as const;

function judgeEntry(test: FileExistenceTest, path: string, entry: ImageEntry): readonly Problem[] {
  const problems: Problem[] = [];
  const mode = formatGoMode(entry);
  if (test.permissions && test.permissions !== mode) problems.push(fail(`${path} is ${mode}, expected ${test.permissions}`));
  if (test.isExecutableBy && (entry.mode & executeBits[test.isExecutableBy]) === 0) {
    problems.push(fail(`${path} is ${mode}, expected to be executable by ${test.isExecutableBy}`));
  }
  for (const key of ["uid", "gid"] as const) {
    const wanted = test[key] ?? -1;
    if (wanted !== -1 && entry[key] !== wanted) problems.push(fail(`${path} has ${key} ${entry[key]}, expected ${wanted}`));
  }
  return problems;
}
