import { describe, expect, test } from "@jest/globals";
import { parseYamlApart } from "../../src/gating/parse-yaml-apart.ts";

const parse = (...texts: readonly string[]) => parseYamlApart({ files: texts.map((text) => Buffer.from(text)), maxAliases: 10 });

test("each file has its answer", async () => {
  expect(await parse("a: [1, &b {c: d}, *b]", "a: [", "")).toEqual([
    { value: { a: [1, { c: "d" }, { c: "d" }] } },
    { problem: expect.stringMatching(/^not valid YAML: /) },
    { value: null },
  ]);
  expect(await parse()).toEqual([]);
});

describe("what others wait for", () => {
  test.each([
    ["errors without end", '"]\n'.repeat(21_000)],
    ["brackets that nobody opened", "]\n".repeat(32_000)],
    ["lists in lists", "[".repeat(65_000)],
    ["lists in lists, as blocks", "- ".repeat(32_000)],
    ["an alias bomb", `a: &a [x,x]\nb: &b [${"*a,".repeat(9)}]\nc: [${"*b,".repeat(9)}]\n`],
    ["a file that is too large", " ".repeat(64 * 1024 + 1)],
  ])("%s", async (_, text) => {
    const lag = watchLag();
    expect(await parse(text, text)).toEqual([{ problem: expect.any(String) }, { problem: expect.any(String) }]);
    expect(lag.stop()).toBeLessThan(1000);
  });

  test("many files are not read at all", async () => {
    const [first, ...more] = await parse(...Array.from({ length: 5 }, () => "a".repeat(60_000)));
    expect(first).toEqual({ problem: "it has, with others, more than 256 KiB" });
    expect(more).toHaveLength(4);
  });
});

/** How long this thread did nothing else, at most, in milliseconds. */
function watchLag() {
  let most = 0;
  let last = performance.now();
  const look = () => {
    const now = performance.now();
    most = Math.max(most, now - last);
    last = now;
  };
  const timer = setInterval(look, 10);
  return {
    stop: () => {
      clearInterval(timer);
      look();
      return most;
    },
  };
}
