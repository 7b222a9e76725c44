import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { ensureSources, sourceUrl } from "../../src/builds/fetch-sources.ts";
import { directoryWorkspaces } from "../../src/builds/workspace/directory-workspaces.ts";
import type { SourceFile } from "../../src/distgit/sources-file.ts";
import { fakeDownloads } from "../fakes/downloads.ts";
import { scratchDirectory } from "../support/scratch-directory.ts";

const template = "https://cache.example.test/pkgs/{repository}/{file}/{hashType}/{hash}/{file}";
const hashOf = (text: string, type = "sha512") => createHash(type).update(text).digest("hex");
const source = (name: string, text: string): SourceFile => ({ name, hashType: "sha512", hash: hashOf(text) });
const urlOf = (one: SourceFile) => sourceUrl(template, "containers/hello", one);

async function world(web: Record<string, string>, sourcesUrl: string | undefined = template, maxBytes = 1000) {
  const scratch = await scratchDirectory();
  const downloads = fakeDownloads(new Map(Object.entries(web)));
  const workspaces = directoryWorkspaces(scratch.path);
  const ports = { downloads, workspaces, sourcesUrl, maxBytes, timeoutMs: 1000 };
  const { signal } = new AbortController();
  const ensure = (sources: readonly SourceFile[]) => ensureSources(ports, "run-1", "containers/hello", sources, signal);
  const files = () => readdir(join(scratch.path, "run-1/files")).catch(() => []);
  return { ...scratch, downloads, workspaces, ensure, files, [Symbol.asyncDispose]: scratch.remove };
}

test("files come from the operator's address, checked, and are fetched once", async () => {
  const [a, b] = [source("a.tar", "hello"), source("b.tar", "world")];
  await using it = await world({ [urlOf(a)]: "hello", [urlOf(b)]: "world" });
  const paths = await it.ensure([a, b]);
  expect(await readFile(paths.get("a.tar") ?? "", "utf8")).toBe("hello");
  expect(await readFile(paths.get("b.tar") ?? "", "utf8")).toBe("world");
  expect(it.downloads.asked).toEqual([
    `https://cache.example.test/pkgs/containers/hello/a.tar/sha512/${a.hash}/a.tar`,
    `https://cache.example.test/pkgs/containers/hello/b.tar/sha512/${b.hash}/b.tar`,
  ]);
  expect(await it.ensure([a, b])).toEqual(paths);
  expect(it.downloads.asked).toHaveLength(2);
});

test("two platforms that ask at once fetch once", async () => {
  const a = source("a", "x");
  await using it = await world({ [urlOf(a)]: "x" });
  await Promise.all([it.ensure([a]), it.ensure([a])]);
  expect(it.downloads.asked).toHaveLength(1);
});

test("another checksum leaves nothing behind", async () => {
  const a = source("a.tar", "what was uploaded");
  await using it = await world({ [urlOf(a)]: "something else" });
  await expect(it.ensure([a])).rejects.toMatchObject({
    code: "builds.source-differs",
    kind: "input",
    message: `a.tar of the lookaside cache has the sha512 ${hashOf("something else")}, sources says ${a.hash}`,
    file: "sources",
    hint: "Upload the file again and commit what fedpkg new-sources writes",
  });
  expect(await it.files()).toEqual([]);
});

test("a crash in the middle leaves a part that nobody takes for the file", async () => {
  const [a, b] = [source("a", "first"), source("b", "second")];
  await using it = await world({ [urlOf(a)]: "first", [urlOf(b)]: "second" });
  await it.ensure([a]);
  await writeFile(join(it.path, "run-1/files", `sha512-${b.hash}.partial`), "sec");
  const paths = await it.ensure([a, b]);
  expect(await readFile(paths.get("b") ?? "", "utf8")).toBe("second");
  expect(it.downloads.asked).toEqual([urlOf(a), urlOf(b)]);
  expect((await it.files()).sort()).toEqual([`sha512-${a.hash}`, `sha512-${b.hash}`].sort());
});

test("all files together are bounded", async () => {
  const [a, b] = [source("a", "x".repeat(600)), source("b", "y".repeat(600))];
  await using it = await world({ [urlOf(a)]: "x".repeat(600), [urlOf(b)]: "y".repeat(600) });
  await expect(it.ensure([a, b])).rejects.toMatchObject({ code: "builds.download-too-large" });
  expect(await it.files()).toEqual([`sha512-${a.hash}`]);
});

test("without a lookaside cache it is said, and an empty list needs none", async () => {
  await using it = await world({});
  const ports = { downloads: it.downloads, workspaces: it.workspaces, sourcesUrl: undefined, maxBytes: 1, timeoutMs: 1 };
  const ask = (sources: SourceFile[]) => ensureSources(ports, "run-1", "containers/hello", sources, new AbortController().signal);
  await expect(ask([source("a.tar", ""), source("b.tar", "")])).rejects.toMatchObject({
    code: "builds.sources-unavailable",
    message: "sources lists a.tar, b.tar, and this site has no lookaside cache",
    file: "sources",
    hint: "Put the files into the repository, or ask the operators to set sources.url",
  });
  expect(await ask([])).toEqual(new Map());
});

test("nothing in a name or repository leads to another place", () => {
  const odd: SourceFile = { name: "a+b~c", hashType: "md5", hash: "0" };
  expect(sourceUrl("https://c.test/{repository}/{file}/{hash}", "containers/a?b#c", odd)).toBe(
    "https://c.test/containers/a%3Fb%23c/a%2Bb~c/0",
  );
  expect(new URL(sourceUrl("https://c.test/{repository}/{hash}", "@evil.test/x", odd)).host).toBe("c.test");
});

test.each(["../x", "a/b", ".", "a.partial", ""])("a workspace has no file called %j", async (name) => {
  await using it = await world({});
  await expect(it.workspaces.ensureFile("run-1", name, async function* () {})).rejects.toMatchObject({ code: "builds.workspace" });
  await expect(it.workspaces.emptyDirectory("run-1", name)).rejects.toMatchObject({ code: "builds.workspace" });
});

test("a directory of a workspace is empty at each try", async () => {
  await using it = await world({});
  const path = await it.workspaces.emptyDirectory("run-1", "artifacts-1");
  await writeFile(join(path, "left"), "by a former try");
  expect(await it.workspaces.emptyDirectory("run-1", "artifacts-1")).toBe(path);
  expect(await readdir(path)).toEqual([]);
});
