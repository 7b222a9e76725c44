import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { demoWorld, expectInOrder, summaryKeys } from "./demo-world.ts";

const { startDemo, expectNothingLeft, scratch } = demoWorld();

test("on GitHub's double it tells what flibs writes on pull requests, and leaves that as pages", async () => {
  const directory = join(scratch(), "d");
  const { told, ended } = startDemo(directory, "--forge", "github-double");
  const [code] = await ended;
  expect(told.text).not.toMatch(/The demo failed/);
  expect(code).toBe(0);

  const inOrder = [
    "alice opens a pull request whose Dockerfile lost a label",
    'Dockerfile:3 failure: label "version" is missing',
    "she comments /build",
    /flibs \/ build \(linux\/amd64\) +in progress: Building +\[Cancel/,
    /flibs \/ test: smoke +success/,
    "promotion pull request releng/manifests #1",
    "First release: `1-1`",
    /flibs \/ promotion +success: writes 1-1, 1, latest/,
    "rel, a release engineer, merges it",
    "`f42/hello` is released to production.",
    "under a policy that demands the signature",
    "accepted",
    /flibs \/ approval +action required/,
    "mallory comments /build, and is refused",
    "`/build` waits until somebody with write access to `containers/hello`",
    "Commands that you may use in this pull request",
    /flibs \/ approval +success: Approved by alice/,
    /flibs \/ build \(linux\/amd64\) +success: Built scratch build/,
    "The double noticed nothing that GitHub would have refused.",
    "stopping what was started",
  ];
  expectInOrder(told.text, inOrder);

  const summary = JSON.parse(await readFile(join(directory, "summary.json"), "utf8"));
  for (const key of summaryKeys) expect(summary).toHaveProperty(key, expect.stringMatching(/./));
  expect(summary).toMatchObject({ nvr: "hello-container-1-1", promotion: 1 });

  const page = (name: string) => readFile(join(directory, "github", name), "utf8");
  expect(await page("index.html")).toContain('<a href="containers-hello-2.html">Make it &lt;b&gt;faster&lt;/b&gt;</a>');
  expect(await page("containers-hello-1.html")).toContain("FROM registry.fedoraproject.org/fedora:42");
  expect(await page("releng-manifests-1.html")).toContain("<code>f42/hello</code> is released to production.");
  const refused = await page("containers-hello-2.html");
  expect(refused).toMatch(/<code>\/build<\/code> waits until .*<pre><code>\/ok-to-test [0-9a-f]{40}<\/code><\/pre>/s);
  expect(refused).toContain("&lt;img src=x onerror=&quot;alert(&#39;mine&#39;)&quot;&gt;");
  expect(refused).not.toMatch(/<(img|script|b)[\s>]/);
  await expectNothingLeft(directory, told.text);
}, 300_000);

test("on Pagure's double it tells the flags and the few comments that flibs writes", async () => {
  const directory = join(scratch(), "d");
  const { told, ended } = startDemo(directory, "--forge", "pagure-double");
  const [code] = await ended;
  expect(told.text).not.toMatch(/The demo failed/);
  expect(code).toBe(0);
  const inOrder = [
    "alice opens a pull request whose Dockerfile lost a label",
    /flibs \/ lint +failure/,
    "flibs-bot:",
    "she comments /build: a flag answers at once",
    /flibs \/ command +pending/,
    /flibs \/ test: smoke +success/,
    "promotion pull request releng/manifests #1",
    "First release: `1-1`",
    /flibs \/ promotion +success: writes 1-1, 1, latest/,
    "rel, a release engineer, merges it",
    "`f42/hello` is released to production.",
    "under a policy that demands the signature",
    "accepted",
    /flibs \/ approval +pending/,
    "mallory comments /build, and is refused",
    "`/build` waits until somebody with write access to `containers/hello`",
    /flibs \/ approval +success: Approved by alice/,
    /flibs \/ build \(linux\/amd64\) +success: Built scratch build/,
    "flibs-bot wrote 1 comment, and flags for the rest",
    "stopping what was started",
  ];
  expectInOrder(told.text, inOrder);
  const summary = JSON.parse(await readFile(join(directory, "summary.json"), "utf8"));
  for (const key of summaryKeys) expect(summary).toHaveProperty(key, expect.stringMatching(/./));
  expect(summary).toMatchObject({ nvr: "hello-container-1-1", promotion: 1 });
  await expectNothingLeft(directory, told.text);
}, 300_000);
