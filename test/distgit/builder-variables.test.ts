import { describe, expect, test } from "@jest/globals";
import { parseDockerfile } from "../../src/distgit/dockerfile.ts";
import { classicDialect, dockerfileFeatures } from "../../src/domain/dockerfile-dialect.ts";

const buildkit = { builder: "buildkit", features: dockerfileFeatures } as const;
const errors = (dockerfile: string, dialect = classicDialect) =>
  parseDockerfile(dockerfile, dialect)
    .findings.filter((one) => one.severity === "error")
    .map(({ line, code, message }) => `${line} ${code}: ${message}`);

/** Images of the FROMs, and what is wrong. */
const images = (dockerfile: string) => [parseDockerfile(dockerfile).dockerfile?.stages.map((one) => one.image), errors(dockerfile)];

describe("an ARG above the first FROM", () => {
  test("has no value any more when it stands there again without one", () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of Dockerfiles
    expect(images("ARG X=scratch\nARG X\nFROM ${X:-r.example.test/a:1}")).toEqual([["r.example.test/a:1"], []]);
    expect(images("ARG X=scratch\nARG X=r.example.test/a:1\nFROM $X")).toEqual([["r.example.test/a:1"], []]);
  });

  test.each([
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of Dockerfiles
    "ARG A=scratch B=${A:-evil.example.test/x:1}\nFROM $B",
    "ARG A=1\nARG A=2 B=x:$A\nFROM $B",
  ])("with a value out of the same line is refused, since builders differ in whether it is seen: %j", (dockerfile) => {
    const message = "ARG B uses $A of the same line, which some builders do not see yet";
    expect(errors(dockerfile)).toEqual([`${dockerfile.split("\n").length - 1} distgit.dockerfile-ambiguous: ${message}`]);
  });

  test.each(["ARG A=1\nARG A2=2 B=r.example.test/a:$A\nFROM $B", "ARG A=r.example.test/a:1 B=$A2 A2=2\nFROM $A"])(
    "may have several on a line: %j",
    (dockerfile) => {
      expect(images(dockerfile)).toEqual([["r.example.test/a:1"], []]);
    },
  );
});

describe("a variable that only BuildKit sets must not choose an image", () => {
  test.each([
    // biome-ignore-start lint/suspicious/noTemplateCurlyInString: variables of Dockerfiles
    ["FROM ${TARGETARCH:+evil.example.test/x:}${TARGETARCH:-scratch}", "1", "FROM", "TARGETARCH"],
    ["FROM r.example.test/a:1 AS b\nFROM ${TARGETSTAGE:+evil.example.test/x:1}${BUILDOS:-b}", "2", "FROM", "TARGETSTAGE"],
    ["FROM r.example.test/a:1-$BUILDVARIANT", "1", "FROM", "BUILDVARIANT"],
    ["FROM r.example.test/a:${X:-$TARGETOSVERSION}", "1", "FROM", "TARGETOSVERSION"],
    ["ARG TARGETARCH=amd64\nFROM r.example.test/a:$TARGETARCH", "2", "FROM", "TARGETARCH"],
    ["ARG B=${TARGETOS:+evil.example.test/x:1}\nFROM ${B:-scratch}", "1", "ARG B", "TARGETOS"],
    ['ARG A=1 B="$BUILDPLATFORM"\nFROM r.example.test/a:1', "1", "ARG B", "BUILDPLATFORM"],
    // An argument that flibs itself gives to BuildKit: declared, it has a value.
    ["ARG BUILDKIT_CACHE_MOUNT_NS\nFROM ${BUILDKIT_CACHE_MOUNT_NS:+evil.example.test/x:}scratch", "2", "FROM", "BUILDKIT_CACHE_MOUNT_NS"],
  ])("%j", (dockerfile, line, what, name) => {
    const refusal = `${line} distgit.dockerfile-ambiguous: ${what} uses $${name}, which BuildKit sets itself and the classic builder does not`;
    for (const dialect of [classicDialect, buildkit]) expect(errors(dockerfile, dialect)).toEqual([refusal]);
  });

  test.each([
    "ARG TARGETARCH\nARG BUILDPLATFORM=linux/amd64\nFROM --platform=$BUILDPLATFORM r.example.test/a:1\nARG TARGETARCH\nRUN make $TARGETARCH",
    "ARG TARGETARCHIVE=1\nFROM r.example.test/a:$TARGETARCHIVE",
    "ARG MY_TARGETARCH=1\nARG V=$MY_TARGETARCH\nFROM r.example.test/a:$V",
    // biome-ignore-end lint/suspicious/noTemplateCurlyInString: variables of Dockerfiles
  ])("%j does not", (dockerfile) => {
    expect(errors(dockerfile)).toEqual([]);
  });
});
