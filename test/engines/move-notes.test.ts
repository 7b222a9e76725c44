import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { keyNotes } from "../../src/engines/docker/key-notes.ts";
import { moveNotes } from "../../src/engines/docker/move-notes.ts";
import { scratchDirectory } from "../support/scratch-directory.ts";

test("what a release with one engine noted is the first engine's, and stays so", async () => {
  await using scratch = await scratchDirectory();
  const at = (...names: string[]) => join(scratch.path, ...names);
  await keyNotes(at("build-steps")).add("7/build", "a container");
  await keyNotes(at("pulled-images")).add("7/test", "an image");
  moveNotes(scratch.path, ["docker", "arm"]);
  expect(await keyNotes(at("docker", "build-steps")).read("7/build")).toEqual(["a container"]);
  expect(await keyNotes(at("docker", "pulled-images")).read("7/test")).toEqual(["an image"]);
  expect(await readdir(scratch.path)).toEqual(["docker"]);
  moveNotes(scratch.path, ["docker", "arm"]);
  moveNotes(scratch.path, ["arm", "docker"]);
  expect(await keyNotes(at("docker", "build-steps")).keys()).toEqual(["7/build"]);
  expect(await readdir(scratch.path)).toEqual(["docker"]);
});

test("nothing is written over, and a new installation gets no directories", async () => {
  await using scratch = await scratchDirectory();
  moveNotes(join(scratch.path, "engine"), ["docker"]);
  expect(await readdir(scratch.path)).toEqual([]);
  for (const directory of ["build-steps", "docker/build-steps"]) {
    await mkdir(join(scratch.path, directory), { recursive: true });
    await writeFile(join(scratch.path, directory, "k"), directory);
  }
  moveNotes(scratch.path, ["docker"]);
  expect(await readFile(join(scratch.path, "docker/build-steps/k"), "utf8")).toBe("docker/build-steps");
  expect(await readFile(join(scratch.path, "build-steps/k"), "utf8")).toBe("build-steps");
});

test("an engine that has the name of such a directory keeps its own", async () => {
  await using scratch = await scratchDirectory();
  await keyNotes(join(scratch.path, "build-steps/pulled-images")).add("k", "an image");
  moveNotes(scratch.path, ["docker", "build-steps"]);
  moveNotes(scratch.path, ["build-steps", "docker"]);
  expect(await keyNotes(join(scratch.path, "build-steps/pulled-images")).read("k")).toEqual(["an image"]);
});
