import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { StatusState } from "../../../src/forge/forge.ts";
import { commitStatusOf, flagFormOf, isAllowedUrl, uidOf } from "../../../src/forge/pagure/flag-mapping.ts";

const commit = "a".repeat(40);
const page = "https://flibs.example.test/builds/1";
const publicUrl = "https://flibs.example.test";
const form = (state: StatusState, more = {}) =>
  flagFormOf(
    "containers/hello",
    commit,
    { name: "flibs / build", state, title: "it is so", summary: "", url: page, key: "r1", ...more },
    publicUrl,
  );

test.each([
  ["pending", "pending", undefined, "it is so"],
  ["running", "pending", undefined, "it is so"],
  ["waiting-approval", "pending", undefined, "it is so"],
  ["success", "success", "100", "it is so"],
  ["neutral", "success", "100", "Advice: it is so"],
  ["skipped", "success", "100", "Skipped: it is so"],
  ["failure", "failure", "0", "it is so"],
  ["error", "error", "0", "it is so"],
  ["timed-out", "error", "0", "Timed out: it is so"],
  ["cancelled", "canceled", "0", "it is so"],
] as const)("%s is shown as %s, percent %s", (state, status, percent, comment) => {
  expect(form(state)).toMatchObject({ status, comment, username: "flibs / build", ...(percent === undefined ? {} : { percent }) });
  expect("percent" in form(state)).toBe(percent !== undefined);
});

test("the uid has 32 characters, and project, commit and name are in it", () => {
  const uids = [uidOf("a/b", commit, "x"), uidOf("a/c", commit, "x"), uidOf("a/b", "b".repeat(40), "x"), uidOf("a/b", commit, "y")];
  expect(new Set(uids).size).toBe(4);
  for (const uid of uids) expect(uid).toMatch(/^[0-9a-f]{32}$/);
  expect(uidOf("a/b", commit, "x")).toBe(uids[0]);
});

test.each([
  ["https://ci.example.org/tasks/1", true],
  ["http://localhost:8080/tasks/1", true],
  ["http://192.0.2.10:8080/1", true],
  ["http://buildhost/tasks/1", false],
  ["ftp://ci.example.org/1", false],
  ["javascript:alert(1)", false],
  ["https://user@ci.example.org/", false],
  ["", false],
])("an address %s is taken: %s", (url, taken) => expect(isAllowedUrl(url)).toBe(taken));

test("a status without a page that Pagure takes shows flibs' own, and comes back without one", () => {
  for (const url of [undefined, "http://buildhost/1", "nothing"]) {
    const made = flagFormOf("a/b", commit, { name: "x", state: "success", title: "t", summary: "", ...(url && { url }) }, publicUrl);
    expect(made.url).toMatch(/^https:\/\/flibs\.example\.test\/#flibs:/);
    expect(readBack(made)).toEqual({ name: "x", state: "success", title: "t", summary: "" });
  }
});

test("a flag that somebody wrote in another form has the nearest state", () => {
  expect(readBack({ username: "CI", comment: "done", url: "http://ci.example.org/1", status: "canceled", percent: "0" })).toEqual({
    ...{ name: "CI", state: "cancelled", title: "done", summary: "", url: "http://ci.example.org/1" },
  });
});

function readBack(flag: { username: string; comment: string; url: string; status: string; percent?: string }) {
  return commitStatusOf({ percent: null, date_created: "1", user: { name: "bot" }, ...flag });
}

test("name, state, title, page and key come back as they were set", () => {
  const states = [
    "pending",
    "running",
    "waiting-approval",
    "success",
    "failure",
    "error",
    "timed-out",
    "cancelled",
    "skipped",
    "neutral",
  ] as const;
  const word = fc.stringMatching(/^[A-Za-z0-9:#&=%?ü ]{1,60}$/).map((text) => `x${text.replace(/ +/g, " ").trim()}`);
  fc.assert(
    fc.property(fc.constantFrom(...states), word, word, fc.boolean(), (state, title, key, hasPage) => {
      const status = { name: "n", state, title, summary: "", key, ...(hasPage ? { url: page } : {}) };
      expect(readBack(flagFormOf("a/b", commit, status, publicUrl))).toEqual(status);
    }),
  );
});
