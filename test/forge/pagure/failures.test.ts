import { expect, test } from "@jest/globals";
import { failureText } from "../../../src/forge/pagure/failures.ts";

const failed = { name: "flibs / lint", state: "failure", title: "1 error", summary: "**what** is wrong" } as const;

test("what a stranger wrote is text: no mention, link, picture or line of its own", () => {
  const message = "hey @alice, `see` [this](https://evil.example)\n\n# and ![me](https://evil.example/x.png)\u202e";
  const annotations = [{ path: "a`b", line: 1, level: "failure", message }] as const;
  expect(failureText({ ...failed, title: "@bob\n# x", annotations, url: "https://flibs.example.test/builds/1" })).toBe(
    [
      "`flibs / lint`: `@bob # x`",
      "**what** is wrong",
      "- `a'b:1: hey @alice, 'see' [this](https://evil.example) # and ![me](https://evil.example/x.png)`",
      "All about it: https://flibs.example.test/builds/1",
    ].join("\n\n"),
  );
});

test("many remarks are counted, a long one is cut, and an empty title is a dash", () => {
  const annotations = Array.from({ length: 60 }, () => ({ path: "f", line: 1, level: "warning" as const, message: "x".repeat(1000) }));
  const text = failureText({ ...failed, title: "", summary: "", annotations });
  expect(text).toMatch(/^`flibs \/ lint`: -\n\n- `f:1: x{495}`\n/);
  expect(text.split("\n").at(-1)).toBe("- and 10 more");
});
