import { describe, expect, test } from "@jest/globals";
import { lintTree } from "../../src/distgit/lint.ts";
import { memoryTree } from "../../src/distgit/tree.ts";

/** What lint says of lines below a FROM whose image has the ENV `FGC=f42`, and the version that they come to. */
async function read(lines: string, head = "", env: Record<string, string> | null = { FGC: "f42" }) {
  const source = `${head}FROM registry.example.test/a:1 AS a\n${lines}\nLABEL com.redhat.component=a-container name=f42/a\n`;
  const { findings, identity } = await lintTree(memoryTree({ Dockerfile: source }), () => env ?? undefined);
  return { said: findings.map(({ line, code, message }) => `${line} ${code}: ${message}`), version: identity?.version };
}

const differs = (line: number, what: string, classic: string, buildkit: string) => ({
  said: [`${line} distgit.dockerfile-ambiguous: ${what} is "${classic}" to the classic builder and "${buildkit}" to BuildKit`],
  version: undefined,
});

// Each was built by both builders of Docker Engine 20.10: the label had these two values.
describe("a value that the two builders read in different ways is refused", () => {
  // biome-ignore-start lint/suspicious/noTemplateCurlyInString: variables of Dockerfiles
  test.each([
    ["ENV counts over ARG", "ENV V=1\nARG V=2\nLABEL version=$V", "", 4, "1", "2"],
    ["ENV of the parent counts over ARG", "ARG FGC=x\nLABEL version=$FGC", "", 3, "f42", "x"],
    ["ENV counts over an ARG from above FROM", "ENV V=1\nARG V\nLABEL version=$V", "ARG V=2\n", 5, "1", "2"],
    ["an ENV made of ENV and ARG", "ENV A=1\nARG A=2\nENV A=${A}x\nARG B=$A\nLABEL version=$B", "", 6, "1x", "2x"],
    ["an ARG of the stage below ends there", "ARG V=5\nFROM a\nLABEL version=${V:-1}", "", 4, "1", "5"],
    ["an ARG without its value again has none", "ARG V=1\nARG V\nLABEL version=${V:-none}", "", 4, "none", "1"],
    ["nobody sets TARGETARCH", "ARG TARGETARCH\nLABEL version=${TARGETARCH:-none}", "", 3, "none", "<TARGETARCH>"],
    [
      "nobody sets the cache's name",
      "ARG BUILDKIT_CACHE_MOUNT_NS=1\nLABEL version=$BUILDKIT_CACHE_MOUNT_NS",
      "",
      3,
      "1",
      "<BUILDKIT_CACHE_MOUNT_NS>",
    ],
  ])("to the classic one %s", async (_, lines, head, line, classic, buildkit) => {
    expect(await read(lines, head)).toEqual(differs(line, 'label "version"', classic, buildkit));
  });

  test("also a label's name, and the USER of any stage", async () => {
    expect(await read("ENV V=1\nARG V=2\nLABEL l$V=x version=1")).toEqual(differs(4, "the name of a label", "l1", "l2"));
    expect(await read("ENV U=app\nARG U=root\nUSER $U\nFROM a\nUSER $U\nFROM a AS b\nLABEL version=1")).toEqual({
      said: [...differs(4, "USER", "app", "root").said, ...differs(6, "USER", "app", "root").said],
      version: undefined,
    });
  });
});

describe("what both read in one way", () => {
  test.each([
    ["ENV behind ARG", "ARG V=1\nENV V=2\nLABEL version=$V", "", "2"],
    ["equal values", "ENV V=1\nARG V=1\nLABEL version=$V", "", "1"],
    ["an ARG that adds nothing", "ENV V=1\nARG V\nLABEL version=$V", "", "1"],
    ["an ARG that is named again", "ARG V\nFROM a\nARG V\nLABEL version=$V", "ARG V=3\n", "3"],
    ["an ARG again, with the value from above FROM", "ARG V=1\nARG V\nLABEL version=$V", "ARG V=9\n", "9"],
    ["an ENV made of an ARG below", "ARG V=5\nENV W=$V\nFROM a\nLABEL version=$W", "", "5"],
    ["ARGs of one line, which do not see each other", "ARG A=1 B=$A C=${A:-3}\nLABEL version=$C$B", "", "3"],
    ["a default of a variable of BuildKit's", "ARG TARGETOS=1\nLABEL version=$TARGETOS", "", "1"],
    ["a difference that is used nowhere", "ENV V=1\nARG V=2\nRUN make $V\nLABEL version=1", "", "1"],
  ])("%s", async (_, lines, head, version) => {
    expect(await read(lines, head)).toEqual({ said: [], version });
  });
  // biome-ignore-end lint/suspicious/noTemplateCurlyInString: variables of Dockerfiles

  test("is not decided while the parent's ENV is unknown", async () => {
    expect((await read("ARG FGC=x\nLABEL version=$FGC", "", null)).said).toEqual([]);
  });
});
