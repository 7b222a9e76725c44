import { isAppError } from "../../domain/errors.ts";
import type { ImageReader } from "../../engines/engine.ts";
import type { LicenseTest } from "../structure-file.ts";
import { readFileOf } from "./file-content-test.ts";
import { cannotTell, fail, type Problem } from "./judgement.ts";

const debianRoot = "/usr/share/doc";
/** Its copyright file names licenses of things that are not in the package. */
const exempt = ["libgnutls30"];
const words = ["AGPL", "WTFPL"];

export async function judgeLicenses({ debian, files }: LicenseTest, image: ImageReader): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  const packages = debian === true ? await packagesOf(image) : [];
  if (!Array.isArray(packages)) return [packages as Problem];
  for (const name of packages) problems.push(...(await judgeFile(`${debianRoot}/${name}/copyright`, image)));
  for (const file of files ?? []) problems.push(...(await judgeFile(file, image)));
  return problems;
}

async function packagesOf(image: ImageReader): Promise<readonly string[] | Problem> {
  try {
    const names = await image.directories(debianRoot);
    if (names === undefined) return fail(`${debianRoot} is no directory of the image`);
    return names.filter((name) => !exempt.includes(name));
  } catch (error) {
    if (isAppError(error) && error.code === "engine.file-too-large") return cannotTell(error.message);
    throw error;
  }
}

async function judgeFile(path: string, image: ImageReader): Promise<readonly Problem[]> {
  const bytes = await readFileOf(image, path);
  if (!(bytes instanceof Uint8Array)) return [bytes];
  const content = Buffer.from(bytes).toString("latin1").toUpperCase();
  const found = words.find((word) => content.includes(word));
  return found === undefined ? [] : [fail(`${path} contains ${found}`)];
}
