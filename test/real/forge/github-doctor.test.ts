import { generateKeyPairSync } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { appEvents, appPermissions, githubForgeWorld } from "../../support/github-forge.ts";

let server: Server;
/** What the hook's address answers. */
let answer: number;
let hookUrl: string;
/** What the double is to complain about: credentials that are none. */
const refused: unknown[] = [];
const violations: string[] = [];
const worlds: Awaited<ReturnType<typeof githubForgeWorld>>[] = [];

beforeEach(async () => {
  answer = 202;
  server = createServer((request, response) => request.resume().on("end", () => response.writeHead(answer).end()));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  hookUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/github`;
});
afterEach(async () => {
  for (const world of worlds.splice(0)) {
    await world.close();
    violations.push(...world.github.violations);
  }
  await new Promise((resolve) => server.close(resolve));
  expect(violations.splice(0)).toEqual(refused.splice(0));
});

type More = Parameters<typeof githubForgeWorld>[0];
async function open(more: More = {}) {
  const world = await githubForgeWorld({ ...more, github: { hookUrl, ...more.github } });
  worlds.push(world);
  await world.github.createRepository("containers/registry-manifests", { files: { README: "1" } });
  return world;
}
const needs = () => ({ permissions: appPermissions, events: appEvents, hookUrl });

describe("all is well", () => {
  test("the App, what it was granted, where it is installed and the newest delivery are told", async () => {
    const { forge, github, person } = await open();
    await person.commit("main", { a: "1" });
    await github.hooks.settled();
    expect(await forge.doctor.lookAtIdentity()).toBe(`App ${github.app.id} is flibs[bot]`);
    expect(await forge.doctor.lookAtGrants(needs())).toBe("6 permissions and 6 events of app.yml, accepted");
    expect(await forge.doctor.lookAtRepositories()).toBe(
      "installed for all repositories of containers, and for containers/registry-manifests",
    );
    expect(await forge.doctor.lookAtDeliveries(needs())).toMatch(/^the newest \(\w+, \d{4}-[^)]+Z\) arrived$/);
  });
  test("without a delivery so far there is nothing to judge", async () => {
    const { forge, github } = await open();
    github.hooks.attempts.length = 0;
    expect(await forge.doctor.lookAtDeliveries(needs())).toBe("GitHub remembers none; the sweeps find what happens");
  });
});

describe("the App", () => {
  const otherKey = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  test.each([
    ["another key", { privateKey: otherKey }],
    ["another id", { appId: 999_999 }],
  ])("with %s is not accepted", async (_, change) => {
    const { openForge } = await open();
    refused.push(expect.stringMatching(/^apps\/get-authenticated: /));
    await expect(openForge(change).doctor.lookAtIdentity()).rejects.toMatchObject({
      code: "forge.app-denied",
      message: expect.stringMatching(/^GitHub knows no App \d+ with this private key$/),
      hint: expect.stringMatching(/^Compare forge.appId with the App's page/),
    });
  });
  test("that lacks permissions and events is told which, a lower level is not enough", async () => {
    const { checks: _, ...fewer } = appPermissions;
    const app = {
      slug: "flibs",
      permissions: { ...fewer, contents: "read" as const },
      events: appEvents.filter((one) => one !== "merge_group"),
    };
    const { forge } = await open({ github: { app } });
    await expect(forge.doctor.lookAtGrants(needs())).rejects.toMatchObject({
      code: "forge.app-denied",
      message: "the GitHub App has not the permission checks: write, the permission contents: write, the event merge_group",
      hint: expect.stringContaining("Permissions & events"),
    });
  });
  test("whose new permission was not accepted is told by whom and where", async () => {
    const world = await open();
    await world.github.uninstall(world.installation);
    await world.github.install("containers", { permissions: { ...appPermissions, checks: "read" } });
    await expect(world.forge.doctor.lookAtGrants(needs())).rejects.toMatchObject({
      message: "containers has not accepted yet that the App has the permission checks: write",
      hint: expect.stringMatching(/^An owner of containers accepts it at http.*\/settings\/installations\/\d+$/),
    });
  });
});

describe("where the App works", () => {
  test("another account's installation is none of ours", async () => {
    const { openForge } = await open();
    await expect(openForge({ namespace: "others" }).doctor.lookAtRepositories()).rejects.toMatchObject({
      code: "forge.app-not-installed",
      message: expect.stringMatching(/is not installed for others$/),
    });
  });
  test("a manifest repository that is not among the selected ones is told", async () => {
    const { openForge } = await open();
    await expect(openForge({ manifests: "containers/elsewhere" }).doctor.lookAtRepositories()).rejects.toMatchObject({
      code: "forge.repository-unknown",
      message: expect.stringContaining("containers/elsewhere does not exist or is not among the repositories"),
    });
  });
});

describe("the newest delivery", () => {
  const push = async (status: number) => {
    const world = await open();
    answer = status;
    await world.person.commit("main", { a: "1" });
    await world.github.hooks.settled();
    return world;
  };
  test("that was refused for its signature points at the secret", async () => {
    const { forge } = await push(401);
    await expect(forge.doctor.lookAtDeliveries(needs())).rejects.toMatchObject({
      code: "forge.hook-failing",
      message: expect.stringMatching(/went to http:\/\/127\.0\.0\.1:\d+\/hooks\/github: the answer was 401$/),
      hint: "Set the webhook's secret on the App's page and forge.webhookSecrets to the same",
    });
  });
  test("that went to another address points at the address", async () => {
    const { forge } = await push(404);
    await expect(forge.doctor.lookAtDeliveries({ ...needs(), hookUrl: "https://flibs.test/hooks/github" })).rejects.toMatchObject({
      hint: "Set the webhook's address on the App's page to https://flibs.test/hooks/github, or web.publicUrl to what it is",
    });
  });
  test("that nobody answered points at the way there", async () => {
    const world = await open();
    world.github.hooks.transmission.down = true;
    await world.person.commit("main", { a: "1" });
    await world.github.hooks.settled();
    await expect(world.forge.doctor.lookAtDeliveries(needs())).rejects.toMatchObject({
      message: expect.stringMatching(/: nobody answered$/),
      hint: "See whether flibs runs and is reached at this address from outside; until then the sweeps find what happens",
    });
  });
});
