import type { ErrorCode } from "../domain/errors.ts";
import { type Finding, finding, warning } from "./finding.ts";
import type { Tree } from "./tree.ts";

const ending = /\.ya?ml$/i;
const bare = (name: string) => name.replace(ending, "").replaceAll("-", "_").toLowerCase();

/** Files at the root whose name is almost `right` (a YAML file): they look as if they counted, so they stop the build. */
export function findWrongNames(tree: Tree, right: string, code: ErrorCode): readonly Finding[] {
  const wrong = tree.entries.filter(({ path }) => path !== right && ending.test(path) && bare(path) === bare(right));
  const isThere = tree.entries.some(({ path }) => path === right);
  return wrong.map(({ path }) => {
    const fix = isThere ? `Remove it: git rm ${path}` : `Rename it: git mv ${path} ${right}`;
    return finding(code, path, undefined, `${path} is not read; the file is called ${right}`, fix);
  });
}

/** Files of OSBS that ask for something which flibs does not do. */
const unserved: Readonly<Record<string, string>> = {
  "fetch-artifacts-koji.yaml": "no Maven artifacts of Koji builds are fetched",
  "fetch-artifacts-pnc.yaml": "no artifacts of PNC builds are fetched",
  "fetch-artifacts-url.yaml": "no artifacts are fetched from the addresses in it; sources lists files that are",
  "image-build.conf": "no base images are made; FROM names the base image",
  ".osbs-repo-config": "a new build of the base image starts no rebuild",
};

export function findUnservedFiles(tree: Tree): readonly Finding[] {
  return tree.entries.flatMap(({ path }) => {
    const what = Object.hasOwn(unserved, path) ? unserved[path] : undefined;
    if (what === undefined) return [];
    const message = `${path} is not acted upon: ${what}`;
    return [warning("distgit.file-unserved", path, undefined, message, "Leave it when other systems need it, else remove it")];
  });
}
