import { generateKeyPairSync } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { appPermissions, githubForgeWorld } from "../../support/github-forge.ts";

let world: Awaited<ReturnType<typeof githubForgeWorld>>;
/** What each token that was asked for may do. */
let asked: { readonly repositories?: readonly string[]; readonly permissions: Readonly<Record<string, string>> }[];

beforeEach(async () => {
  world = await githubForgeWorld();
  asked = [];
});
afterEach(async () => {
  await world.close();
  expect(world.github.violations).toEqual([]);
});

const watching: typeof fetch = async (url, init) => {
  if (String(url).endsWith("/access_tokens")) asked.push(JSON.parse(String(init?.body)));
  return fetch(url, init);
};

test("each step has a token for its repository and its work alone", async () => {
  const { repository, person } = world;
  const commit = await person.commit("main", { a: "1" });
  await person.commit("topic", { b: "1" }, "main");
  const number = await person.openPull("topic", "main", "Add b");
  const forge = world.openForge({ fetch: watching });
  const permissionsOf = async (step: () => Promise<unknown>) => {
    asked = [];
    await step();
    for (const one of asked) expect(one.repositories).toEqual(["cockpit"]);
    return asked.map((one) => one.permissions);
  };
  expect(await permissionsOf(() => forge.findFile(repository, commit, "a"))).toEqual([{ contents: "read" }]);
  expect(await permissionsOf(() => forge.setStatus(repository, commit, { name: "n", state: "success", title: "", summary: "" }))).toEqual([
    { checks: "write" },
  ]);
  expect(await permissionsOf(() => forge.findPull(repository, number))).toEqual([{ pull_requests: "read" }]);
  expect(await permissionsOf(() => forge.ensureComment(repository, number, "k", "text"))).toEqual([{ issues: "write" }]);
  expect(await permissionsOf(() => forge.findPermission(repository, "bob"))).toEqual([{ metadata: "read" }]);
  const change = { repository, branch: "promote/x", baseBranch: "main", baseCommit: commit, files: { a: "2" } };
  expect(await permissionsOf(() => forge.proposeChange({ ...change, commitMessage: "m", title: "t", body: "" }))).toEqual([
    { contents: "write", pull_requests: "write" },
  ]);
  // All of it again, with what is there already.
  expect(await permissionsOf(() => forge.listComments(repository, number))).toEqual([]);
});

test("a token is used until five minutes before its end", async () => {
  const { repository, person } = world;
  const start = Date.now();
  let at = start;
  const forge = world.openForge({ fetch: watching, now: () => new Date(at) });
  await person.commit("main", { a: "1" });
  for (const minutes of [0, 30, 54, 56]) {
    at = start + minutes * 60_000;
    await forge.findHead(repository, "main");
  }
  expect(asked).toHaveLength(2);
});

test("an App with a permission too few, and one with another key, say what to mend", async () => {
  const { repository, person, github } = world;
  const commit = await person.commit("main", { a: "1" });
  const { checks: _, ...fewer } = appPermissions;
  await github.uninstall(world.installation);
  await github.install("containers", { permissions: fewer });
  const status = { name: "n", state: "success", title: "", summary: "" } as const;
  await expect(world.openForge().setStatus(repository, commit, status)).rejects.toMatchObject({
    ...{ kind: "denied", code: "forge.app-denied", message: "the GitHub App was not granted checks: write" },
  });
  const other = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  await expect(world.openForge({ privateKey: other }).findHead(repository, "main")).rejects.toMatchObject({ code: "forge.app-denied" });
  // That was no mistake of the adapter.
  github.violations.length = 0;
});
