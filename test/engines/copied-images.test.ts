import { expect, test } from "@jest/globals";
import { copiedImages } from "../../src/engines/docker/copied-images.ts";

const said = (...lines: readonly string[]) => {
  const images = copiedImages();
  for (const line of lines) images.read(line);
  return images.ids();
};
const id = (letter: string) => letter.repeat(12);
const made = (letter: string) => ` ---> ${id(letter)}\n`;
const good = ["Step 1/3 : FROM scratch", " ---> \n", "Step 2/3 : COPY a /", made("a"), "Step 3/3 : RUN x", ` ---> Running in ${id("b")}\n`];

test("what COPY and ADD have made is known by the daemon's lines", () => {
  expect(said(...good, made("c"))).toEqual([id("a")]);
  expect(said("Step 1/2 : FROM x", made("d"), "Step 2/2 : ADD a /", made("a"))).toEqual([id("a")]);
});

test.each([
  [
    "a step that comes again",
    [...good.slice(0, 2), "Step 2/3 : RUN x", "Step 3/3 : COPY a /", made("e"), "Step 3/3 : COPY a /", made("a")],
  ],
  ["a step that is none of the build", [...good, "Step 4/3 : COPY a /", made("e")]],
  ["a step of another build", [...good, "Step 4/9 : COPY a /", made("e")]],
  ["a step before the first", [...good, "Step 0/3 : COPY a /", made("e")]],
  ["a step out of turn", ["Step 1/3 : FROM x", made("d"), "Step 3/3 : COPY a /", made("e"), "Step 2/3 : RUN x"]],
  ["a step that was there before", [...good, "Step 2/3 : COPY a /", made("e")]],
])("a RUN line that prints such words takes none of another build's images along: %s", (_, lines) => {
  expect(said(...lines)).toEqual([]);
});
