import { describe, expect, test } from "@jest/globals";
import { parseDockerfile } from "../../src/distgit/dockerfile.ts";
import {
  classicDialect,
  commonDialect,
  type DockerfileDialect,
  dockerfileFeatures,
  unknownDialect,
} from "../../src/domain/dockerfile-dialect.ts";

const newest: DockerfileDialect = { builder: "buildkit", features: dockerfileFeatures };
const older: DockerfileDialect = { builder: "buildkit", features: ["run-mount", "copy-chmod"] };
const from = "FROM registry.example.test/a:1 AS tools\nFROM registry.example.test/b:1\n";
const found = (lines: string, dialect: DockerfileDialect) =>
  parseDockerfile(from + lines, dialect).findings.map(({ line, message }) => `${line}: ${message}`);

test.each([
  ["RUN --mount=type=cache,target=/c true", "RUN --mount"],
  ["RUN --network=none true", "RUN --network"],
  ["COPY --chmod=755 a /", "COPY --chmod"],
  ["ADD --chmod=755 a /", "ADD --chmod"],
  ["COPY --link a /", "COPY --link"],
  ["RUN <<EOF\ntrue\nEOF", "a here-document (<<)"],
])("%j is refused by the classic builder, and by a BuildKit that is too old", (lines, what) => {
  expect(found(lines, newest)).toEqual([]);
  expect(found(lines, unknownDialect)).toEqual([]);
  expect(found(lines, classicDialect)).toEqual([`3: ${what} needs BuildKit, and images are built by the classic builder`]);
  const isOld = !/--mount|--chmod/.test(lines);
  expect(found(lines, older)).toEqual(isOld ? [`3: ${what} needs a newer BuildKit than the engines here have`] : []);
});

describe("what BuildKit would do that nobody may ask for", () => {
  test.each([
    ["RUN --mount=type=secret,id=x true", "RUN --mount=type=secret: builds are given no secrets and no keys"],
    ["RUN --mount=type=ssh true", "RUN --mount=type=ssh: builds are given no secrets and no keys"],
    ["RUN --mount=TYPE=SECRET,id=x true", "RUN --mount=type=secret: builds are given no secrets and no keys"],
    ["RUN --mount=type=device true", "RUN --mount=type=device: there is no such mount"],
    [
      "RUN --mount=type=bind,from=registry.example.test/evil:1,target=/e true",
      "RUN --from=registry.example.test/evil:1 names no stage above; a foreign image there can be neither checked nor pinned",
    ],
    [
      "RUN --mount=from=registry.example.test/evil:1,target=/e true",
      "RUN --from=registry.example.test/evil:1 names no stage above; a foreign image there can be neither checked nor pinned",
    ],
    ["RUN --mount=from=0,target=/e true", "RUN --mount=from=0 is no name of a stage"],
    ['RUN --mount=type=bind,"from=evil",target=/e true', 'the flag --mount=type=bind,"from=evil",target=/e can be read in two ways'],
    ["RUN --mount=type=bind,from=$X,target=/e true", "RUN --mount=type=bind,from=$X,target=/e has variables, so it can't be checked"],
    ["RUN --network=host true", "RUN --network=host would leave the network of builds"],
    ["RUN --security=insecure true", "RUN --security would run without the walls around builds"],
    ["RUN --device=vendor/gpu true", "RUN --device would reach a device of the builder"],
    ["COPY --parents a /", "COPY --parents needs a newer BuildKit than the engines here have"],
  ])("%s", (line, message) => {
    expect(found(line, newest)).toEqual([`3: ${message}`]);
  });

  test.each([
    "RUN --mount=type=bind,from=tools,target=/t true",
    "RUN --mount=type=tmpfs,target=/t --network=none true",
    "COPY --from=0 --link a /",
  ])("%s is no such thing", (line) => {
    expect(found(line, newest)).toEqual([]);
  });

  test("a mount in ONBUILD", () => {
    expect(found("ONBUILD RUN --mount=from=evil,target=/e true", newest)).toEqual([
      "3: ONBUILD with --from reads an image that nobody checked",
    ]);
  });
});

describe("# syntax=", () => {
  const heads = [
    "# syntax=docker/dockerfile:1\n",
    "#syntax = evil\n",
    "\uFEFF# syntax=evil\n",
    "# check=skip=all\n# SYNTAX=evil\n",
    "# a comment\n\n# syntax=evil\n",
  ];
  const only = (head: string, dialect: DockerfileDialect) =>
    parseDockerfile(`${head}FROM registry.example.test/a:1\n`, dialect).findings.map(({ severity, line, message }) => [
      severity,
      line,
      message,
    ]);

  test.each(heads)("%j is refused where BuildKit would run it", (head) => {
    const message = "# syntax= has the builder fetch and run another program in its own place, with its own rights";
    expect(only(head, newest)).toEqual([["error", head.split("\n").length - 1, message]]);
  });

  test("it is only a remark where nobody would run it", () => {
    const message = "# syntax= is a comment for the classic builder, and refused where BuildKit builds";
    expect(only("# syntax=docker/dockerfile:1\n", classicDialect)).toEqual([["warning", 1, message]]);
  });

  test("a comment below the first instruction is a comment", () => {
    expect(found("# syntax=evil\nRUN true", newest)).toEqual([]);
  });
});

test("several builders understand together what each of them does", () => {
  expect(commonDialect([newest, older])).toEqual(older);
  expect(commonDialect([newest, classicDialect])).toEqual(classicDialect);
  expect(commonDialect([])).toEqual(classicDialect);
});
