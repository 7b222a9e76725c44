import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { until } from "../support/running-service.ts";
import { demoWorld, summaryKeys } from "./demo-world.ts";

const { startDemo, expectNothingLeft, scratch } = demoWorld();

test("the demo shows the whole line, says where it all is, and leaves nothing running", async () => {
  const directory = join(scratch(), "d");
  const { told, ended } = startDemo(directory);
  const [code] = await ended;
  expect(told.text).not.toMatch(/The demo failed/);
  expect(code).toBe(0);

  const stages = [...told.text.matchAll(/^==\s+[\d.]+s {2}(.*)$/gm)].map(([, title]) => title ?? "");
  const wanted = [
    /^starting two registries$/,
    /^finding a base image$/,
    /^making an installation/,
    /^starting flibs/,
    /^pushing containers-repo-template\/ to containers\/hello$/,
    /^building: http/,
    /^promotion pull request .* #1$/,
    /^merging it/,
    /^pulling .* under a policy that demands the signature$/,
    /^pushing .*:unsigned behind flibs' back/,
    /^pushing a second commit that upgrades a package$/,
    /^building: http/,
    /^promotion pull request .* #2$/,
    /^merging it/,
    /^pulling .* under a policy that demands the signature$/,
    /is released, signed and pulled/,
    /^stopping what was started$/,
  ];
  expect(stages).toHaveLength(wanted.length);
  for (const [n, title] of stages.entries()) expect(title).toMatch(wanted[n] ?? /^$/);

  expect(told.text).toMatch(/refused/i);
  expect(told.text).toMatch(/A signature was required, but no signature exists|signature/);
  const second = told.text.slice(told.text.search(/promotion pull request .* #2/));
  expect(second).toMatch(/greeting.*1\.0-1.*2\.0-1/);

  const summary = JSON.parse(await readFile(join(directory, "summary.json"), "utf8"));
  for (const key of summaryKeys) expect(summary).toHaveProperty(key, expect.stringMatching(/./));
  expect(summary).toMatchObject({ nvr: "hello-container-1-2", digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) });
  expect(await readFile(summary.policy, "utf8")).toContain("signedBy");
  expect((await readFile(summary.publicKey)).length).toBeGreaterThan(100);
  await expectNothingLeft(directory, told.text);
}, 400_000);

test("a forge that there is none of is named, with those that there are", async () => {
  const directory = join(scratch(), "d");
  const { told, ended } = startDemo(directory, "--forge", "gitea");
  expect((await ended)[0]).toBe(2);
  expect(told.text).toBe('There is no forge "gitea" for the demo: local, github-double, pagure-double\n');
}, 30_000);

test("Ctrl-C in the middle of a build stops everything that was started", async () => {
  const directory = join(scratch(), "d");
  const { child, told, ended } = startDemo(directory);
  await until("the demo to build", async () => (/building: http/.test(told.text) || child.exitCode !== null ? true : undefined));
  expect(told.text).toMatch(/building: http/);
  const interrupted = Date.now();
  child.kill("SIGINT");
  const [code] = await ended;
  expect(code).toBe(1);
  expect(told.text).toMatch(/interrupted/);
  expect(Date.now() - interrupted).toBeLessThan(30_000);
  await expectNothingLeft(directory, told.text);
}, 120_000);

test("a directory that is somebody else's is not emptied", async () => {
  await writeFile(join(scratch(), "thesis.txt"), "three years of work");
  const { told, ended } = startDemo(scratch());
  expect((await ended)[0]).toBe(1);
  expect(told.text).toMatch(/holds something else than a demo/);
  expect(await readFile(join(scratch(), "thesis.txt"), "utf8")).toBe("three years of work");
}, 30_000);
