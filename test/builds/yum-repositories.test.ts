import { describe, expect, test } from "@jest/globals";
import { checkRepository, fetchRepositories, repositoryName } from "../../src/builds/yum-repositories.ts";
import { fakeDownloads } from "../fakes/downloads.ts";

const good =
  "[updates]\nname=Updates\nbaseurl=https://d.example.test/$releasever/\n  https://e.example.test/\n\n# why\n[debug]\nmetalink = https://m.example.test/\n";
const { signal } = new AbortController();

async function fetch(settings: { site?: string[]; allowedHosts?: string[] }, request: object, web: Record<string, string> = {}) {
  const downloads = fakeDownloads(new Map(Object.entries(web)));
  const all = { site: [], allowedHosts: [], ...settings };
  const result = await fetchRepositories(downloads, all, { scratch: false, ...request }, signal).catch((error: unknown) => error);
  return { result, asked: downloads.asked };
}

const updates = "https://repos.example.test/fedora/updates.repo";
const stranger = { base: "b".repeat(40) };

describe("who may name which host", () => {
  test.each([
    { name: "an official build, an allowed host", request: {}, allowedHosts: ["repos.example.test"], allowed: true },
    { name: "an official build, another host", request: {}, allowedHosts: ["other.example.test"], allowed: false },
    { name: "an official build, no list", request: {}, allowedHosts: [], allowed: false },
    { name: "a host that ends alike", request: {}, allowedHosts: ["example.test"], allowed: false },
    { name: "a scratch build of somebody who may write", request: { scratch: true }, allowedHosts: [], allowed: true },
    { name: "a stranger's pull request", request: { scratch: true, stranger }, allowedHosts: [], allowed: false },
    {
      name: "a stranger's pull request, an allowed host",
      request: { scratch: true, stranger },
      allowedHosts: ["repos.example.test"],
      allowed: true,
    },
  ])("$name: $allowed", async ({ request, allowedHosts, allowed }) => {
    const { result, asked } = await fetch({ allowedHosts }, { ...request, yumRepositories: [updates] }, { [updates]: good });
    expect(asked).toEqual(allowed ? [updates] : []);
    if (allowed) expect(result).toEqual([{ url: updates, name: "flibs-1-updates.repo", text: good }]);
    else {
      expect(result).toMatchObject({
        code: "builds.download-refused",
        kind: "denied",
        message: `yum repository ${updates} is on no allowed host; allowed are ${allowedHosts.join(", ") || "none"}`,
        hint: "Use a file on one of these, or ask the operators to add the host to yumRepositories.allowedHosts",
      });
    }
  });

  test("the site's own are fetched for every build, first, and doubles once", async () => {
    const site = "https://site.example.test/site.repo";
    const { result } = await fetch({ site: [site] }, { scratch: true, stranger }, { [site]: good });
    expect(result).toEqual([{ url: site, name: "flibs-1-site.repo", text: good }]);
    const more = await fetch({ site: [site] }, { scratch: true, yumRepositories: [updates, updates] }, { [site]: good, [updates]: good });
    expect((more.result as { name: string }[]).map((one) => one.name)).toEqual(["flibs-1-site.repo", "flibs-2-updates.repo"]);
  });

  test("nothing is fetched when one of them may not be", async () => {
    const { asked } = await fetch({ site: [updates] }, { yumRepositories: ["https://evil.example.test/a.repo"] }, { [updates]: good });
    expect(asked).toEqual([]);
  });

  test("too many are refused", async () => {
    const many = Array.from({ length: 21 }, (_, index) => `${updates}?${index}`);
    expect((await fetch({}, { scratch: true, yumRepositories: many })).result).toMatchObject({
      code: "builds.repository-invalid",
      message: "a build may have at most 20 yum repositories of its own",
    });
  });
});

describe("what is no repository file", () => {
  test.each([
    ["<html>not found</html>", "line 1 is no name=value"],
    ["", "it has no section"],
    ["# only a comment\n", "it has no section"],
    ["name=x\n[a]\nbaseurl=b\n", "line 1 is no name=value"],
    ["[a]\nname=x\n", "[a] has no address"],
    ["[a]\nbaseurl=b\n[b]\nname=c\n", "[b] has no address"],
    ["[a]\nbaseurl=b\n\u001b[31m\n", "it has control characters"],
    ["[a]\nbaseurl=b\u0000\n", "it has control characters"],
  ])("%j", (text, why) => {
    expect(() => checkRepository(updates, Buffer.from(text))).toThrow(`${updates} is no yum repository file: ${why}`);
  });

  test("bytes that are no text", () => {
    expect(() => checkRepository(updates, Buffer.from([0xff]))).toThrow("not UTF-8 text");
  });

  test("Windows line ends are mended", () => {
    expect(checkRepository(updates, Buffer.from("[a]\r\nbaseurl=b\r\n"))).toBe("[a]\nbaseurl=b\n");
  });
});

test.each([
  [updates, "flibs-1-updates.repo"],
  ["https://x.test/", "flibs-1.repo"],
  ["https://x.test/a/..%2f..%2fetc/$(id)%0a.repo?x=/y.repo", "flibs-1--id-0a.repo"],
  ["https://x.test/x y'\".repo", "flibs-1-x-20y-22.repo"],
  [`https://x.test/${"a".repeat(300)}.repo`, `flibs-1-${"a".repeat(60)}.repo`],
])("%s is called by a name of ours", (url, name) => {
  expect(repositoryName(url, 0)).toMatch(/^flibs-1[A-Za-z0-9_.-]*\.repo$/);
  expect(repositoryName(url, 0).length).toBeLessThan(80);
  expect(repositoryName(url, 0)).toBe(name);
});
