import { expect, test } from "@jest/globals";
import type { LogStore } from "../../src/builds/log-store.ts";
import { openLog } from "../../src/builds/log-writer.ts";
import { maskSecrets } from "../../src/builds/mask-secrets.ts";
import { escapeMarkdown, fence, plainLine } from "../../src/builds/status-text.ts";
import { failureText } from "../../src/builds/status-view.ts";

test("a log can't end its code block", () => {
  expect(fence("a\n```\n# b")).toBe("````text\na\n```\n# b\n````");
});

test("text of others makes no link, mention, HTML or colour", () => {
  expect(escapeMarkdown("<img> [a](b) @alice `c`\n/build")).toBe(
    "&lt;img> \\[a\\]\\(b\\) @\u200balice \\`c\\` /build".replace("img>", "img\\>"),
  );
  expect(plainLine("\u001b[31mred\u202e\u0007!", 10)).toBe("red !");
});

test("a failure says what, where, the fix, the log's last twenty lines, and how to try again", () => {
  const tail = Array.from({ length: 30 }, (_, i) => `line ${i}`).join("\n");
  const text = failureText(
    { code: "builds.build-failed", kind: "input", message: "it failed", hint: "Mend it", file: "Dockerfile", line: 3 },
    tail,
    "**Try again**: so",
  );
  expect(text).toContain("**What failed**: it failed\n\n**Where**: `Dockerfile:3`\n\n**Fix**: Mend it\n\nLast lines of the log:");
  expect(text).toContain("```text\nline 10\n");
  expect(text).not.toContain("line 9\n");
  expect(text).toMatch(/line 29\n```\n\n\*\*Try again\*\*: so$/);
});

test("an internal error keeps its words to the operators", () => {
  expect(failureText({ code: "internal", kind: "internal", message: "db.internal refused" }, undefined, "")).not.toContain("db.internal");
});

test("secrets are masked, also those nobody named", () => {
  const mask = maskSecrets(["hunter22", "hunter22-long"]);
  expect(mask("a hunter22-long b https://u:pw@h/ Authorization: Bearer abc.def")).toBe(
    "a (masked) b https://u:(masked)@h/ Authorization: Bearer (masked)",
  );
});

test("a log is masked over chunks, cut at its limit, and closed", async () => {
  let stored = "";
  let closed = false;
  const store = {
    restart: async () => {
      stored = "";
      return 1;
    },
    append: async (_: string, __: string, ___: number, text: string) => {
      stored += text;
    },
    close: async () => {
      closed = true;
    },
    prune: async () => 0,
    list: async () => [],
    read: async () => ({ text: "", next: 0, closed: false }),
  };
  const log = await openLog(store, "r", "n", 30, maskSecrets(["hunter22"]));
  expect(log.sink("a hunt")).toBe(true);
  expect(log.sink("er22 b\n")).toBe(true);
  expect(log.sink("x".repeat(40))).toBe(false);
  expect(log.sink("y")).toBe(false);
  await log.close();
  expect(stored).toBe(`a (masked) b\n${"x".repeat(17)}\nflibs: the log has reached its limit of 30 bytes\n`);
  expect([log.isFull(), closed]).toEqual([true, true]);
});

test("a line that comes letter by letter is not looked through with each of them", async () => {
  const appended: string[] = [];
  const store = {
    restart: async () => 1,
    append: async (...[, , , text]: Parameters<LogStore["append"]>) => void appended.push(text),
    close: async () => {},
    prune: async () => 0,
    list: async () => [],
    read: async () => ({ text: "", next: 0, closed: false }),
  };
  const log = await openLog(store, "r", "n", 2 ** 20, (text) => text);
  const letters = async (count: number) => {
    for (let i = 0; i < count; i++) log.sink("x");
    // The store is asked in the next turn; no timer has its turn before.
    await Promise.resolve();
  };
  log.sink("a\n");
  await letters(10_000);
  // What is before the line's begin waits for the timer, or for a line end.
  expect(appended).toEqual([]);
  log.sink("y\nz");
  await letters(70_000);
  await log.close();
  expect(appended.map((text) => text.length)).toEqual([10_004, 65_537, 4464]);
});
