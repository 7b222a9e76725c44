import { expect, test } from "@jest/globals";
import type { Intent } from "../../src/intake/decide.ts";
import { requestsOf } from "../../src/intake/requests.ts";

const pushed: Intent = {
  kind: "build",
  request: { forge: "local", repository: "containers/hello", branch: "f42", commit: "c".repeat(40), scratch: false, requestedBy: "alice" },
};

test.each([
  [undefined, "supersede"],
  ["replace", "supersede"],
  ["replace-waiting", "supersede-waiting"],
  ["queue", "queue"],
] as const)("a push with newerPush %s: builds of earlier commits %s", (newerPush, whenBusy) => {
  expect(requestsOf(pushed, newerPush)).toEqual([
    {
      flow: "build",
      subject: "build containers/hello f42",
      intent: pushed.request,
      key: `build containers/hello f42 ${"c".repeat(40)}`,
      whenBusy,
    },
  ]);
});

test("a newer commit of a pull request always replaces the older look at it", () => {
  const look: Intent = { kind: "pull", forge: "local", repository: "containers/hello", number: 3, head: "d".repeat(40), state: "open" };
  expect(requestsOf(look, "queue")).toMatchObject([{ flow: "pull", whenBusy: "supersede" }]);
});
