import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { type Browser, chromium, type Page } from "playwright-core";
import type { BuiltImage, InstalledRpm } from "../../../src/builds/build-record.ts";
import { digestOf } from "../../../src/domain/digest.ts";
import { aBuild, aPull, aRun, type WebWorld, webWorld } from "../../support/web-world.ts";

/** The distribution's Chromium looks at the pages. With FLIBS_SCREENSHOTS=<directory> it leaves pictures there. */
const evil = `<img src=x onerror="document.title='owned'">`;
let browser: Browser;
let page: Page;
let world: WebWorld;
let url: string;
let complaints: string[];

beforeAll(async () => {
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
}, 60_000);
afterAll(() => browser.close());
beforeEach(async () => {
  world = webWorld({ logPollMs: 20 });
  url = await world.server.listen();
  const context = await browser.newContext({ viewport: { width: 1100, height: 900 } });
  page = await context.newPage();
  complaints = [];
  page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(String(error)));
});
afterEach(async () => {
  await page.context().close();
  await world.server.close();
});

async function picture(name: string): Promise<void> {
  const directory = process.env.FLIBS_SCREENSHOTS;
  if (directory === undefined) return;
  await mkdir(directory, { recursive: true });
  await page.screenshot({ path: join(directory, `${name}.png`), fullPage: true });
}

const rpm = (name: string): InstalledRpm => ({
  name,
  epoch: undefined,
  version: "1.0",
  release: "1.fc40",
  arch: "x86_64",
  license: "MIT",
  sourceRpm: `${name}-1.0-1.fc40.src.rpm`,
  sizeBytes: 1000,
  sigmd5: undefined,
});
const image: BuiltImage = {
  platform: "linux/amd64",
  imageId: digestOf("image"),
  digest: digestOf("manifest"),
  sizeBytes: 123_456_789,
  diffIds: [digestOf("a"), digestOf("b")],
  rpms: ["bash", "cockpit-ws", "glibc"].map(rpm),
  config: {
    user: "1001",
    entrypoint: ["/usr/bin/run"],
    cmd: ["serve"],
    env: [],
    workingDir: "/",
    exposedPorts: [],
    volumes: [],
    stopSignal: "",
    labels: { "com.redhat.component": "cockpit", summary: evil },
  },
};
const entry = (step: string, second: number) => ({
  step,
  result: {},
  startedAt: `2024-05-01T11:50:${String(second).padStart(2, "0")}Z`,
  finishedAt: `2024-05-01T11:50:${String(second + 3).padStart(2, "0")}Z`,
});

test("a build page grows with its log, shows hostile text as text, and turns complete by itself", async () => {
  world.runs.set("1", aRun());
  const { finishedAt: _unfinished, digest: _none, ...building } = aBuild({ state: "building", images: [image] });
  world.builds.set("1", building);
  world.journal.push(entry("checkout", 1), entry("plan", 4));
  world.logs.set("1|linux/amd64", { text: `Step 1/3 : FROM fedora:40\n\u001b[32m${evil}\u001b[0m\n`, closed: false });
  await page.goto(`${url}/builds/1`);
  const log = page.locator("pre.log").first();
  expect(await log.textContent()).toContain(evil);
  await page.locator("details[id='image-linux/amd64'] > summary").click();
  expect(await page.locator("dd", { hasText: "onerror" }).count()).toBe(1);
  await picture("build-live");

  for (let line = 1; line <= 30; line++) {
    const now = world.logs.get("1|linux/amd64");
    world.logs.set("1|linux/amd64", { text: `${now?.text}line ${line} of the build\n`, closed: false });
  }
  await page.locator("pre.log", { hasText: "line 30 of the build" }).waitFor();

  world.logs.set("1|linux/amd64", { text: `${world.logs.get("1|linux/amd64")?.text}Successfully built\n`, closed: true });
  world.logs.set("1|test smoke", { text: "ok\n", closed: true });
  const passed = { name: "starts", outcome: "pass", message: "", durationMs: 420 } as const;
  world.builds.set(
    "1",
    aBuild({
      images: [image],
      tests: [{ suite: "smoke", outcome: "pass", cases: [passed], message: "", durationMs: 1200 }],
      promotion: { repository: "flibs/registry-manifests", number: 4 },
      plan: {
        imageRepository: "f40/cockpit",
        platforms: ["linux/amd64"],
        parents: [],
        labels: {},
        uniqueTag: "u",
        primaryTag: "1-3.f40",
        floatingTags: [],
        suites: [],
      },
    }),
  );
  world.runs.set("1", aRun({ status: "done", finishedAt: "2024-05-01T11:51:05Z" }));
  await page.locator("h1 .badge", { hasText: "complete" }).waitFor();
  expect(await page.locator("pre.command").textContent()).toBe("podman pull candidate.example.test/f40/cockpit:1-3.f40");
  await page.locator("details[id='log-test smoke']").waitFor();
  // What the reader had opened and focused stays so while the page renews itself.
  expect(await page.evaluate("document.activeElement.parentElement.id + document.activeElement.parentElement.open")).toBe(
    "image-linux/amd64true",
  );
  expect(await page.title()).toBe("cockpit-1-3.f40: complete · flibs");
  expect(await page.evaluate("document.images.length")).toBe(0);
  await picture("build-done");
  expect(complaints).toEqual([]);
}, 30_000);

test("every page is quiet, fits a phone, and works in the dark and without script", async () => {
  world.builds.set("1", aBuild({ images: [image] }));
  world.builds.set(
    "2",
    aBuild({
      id: "2",
      state: "failed",
      branch: evil,
      error: {
        code: "distgit.label-missing",
        kind: "input",
        message: "label version is missing",
        hint: "Add LABEL version=1",
        file: "Dockerfile",
        line: 3,
      },
    }),
  );
  const body = `## cockpit-1-3.f40\n\nReplaces **cockpit-1-2.f40**. ${evil}\n\n| tag | digest |\n|---|---|\n| \`1-3.f40\` | \`${digestOf("index").slice(0, 19)}\` |\n\n<details><summary>RPMs</summary>\n\n- bash 5.1 → 5.2\n</details>`;
  world.pulls.push(aPull({ body }));
  world.comments.push({ id: "1", author: "alice", text: "Looks *good*", at: "2024-05-01T11:58:00Z" });
  const line = { tag: "1-3.f40", digest: digestOf("index"), what: "copied", bytesStreamed: 0, blobsMounted: 6, signaturesAdded: 9 };
  world.reports.push({
    run: "1",
    repository: "flibs/registry-manifests",
    commit: "c0ffee".padEnd(40, "0"),
    registry: "production",
    imageRepository: "f40/cockpit",
    outcome: "released",
    lines: [line, { ...line, tag: "latest", what: "moved" }],
    at: "2024-05-01T11:59:00Z",
  });
  const paths = { builds: "/", failed: "/builds/2", pulls: "/pulls", pull: "/pulls/flibs/registry-manifests/4", releases: "/releases" };
  for (const [name, path] of Object.entries(paths)) {
    await page.setViewportSize({ width: 1100, height: 900 });
    await page.emulateMedia({ colorScheme: "light" });
    await page.goto(url + path);
    await picture(name);
    await page.setViewportSize({ width: 360, height: 800 });
    await page.emulateMedia({ colorScheme: "dark" });
    expect({ path, width: await page.evaluate("document.documentElement.scrollWidth") }).toEqual({ path, width: 360 });
    await picture(`${name}-phone`);
  }
  expect(complaints).toEqual([]);
  const still = await browser.newContext({ javaScriptEnabled: false });
  const withoutScript = await still.newPage();
  await withoutScript.goto(`${url}/pulls/flibs/registry-manifests/4`);
  expect(await withoutScript.locator("pre.diff .add").last().textContent()).toBe("+<script>alert(1)</script>");
  await still.close();
}, 30_000);

test("a page that a test has left is downloaded and never runs here; a log of it is text; as a frame it has nobody's rights", async () => {
  const script = "<script>document.title='owned'; fetch('/api/builds')</script>";
  const leave = (name: string, mediaType: string) => world.artifacts.push({ result: 5, name, mediaType, content: Buffer.from(script) });
  leave("report.html", "text/html; charset=utf-8");
  leave("test.log", "text/plain; charset=utf-8");
  leave("picture.svg", "image/svg+xml");
  const result = { id: 5, suite: "smoke", platform: "linux/amd64", outcome: "fail", message: evil, durationMs: 1200 } as const;
  const tests = [
    { ...result, cases: [{ name: evil, outcome: "fail", message: evil, durationMs: 1 }], artifacts: ["report.html", "test.log"] },
  ] as const;
  world.builds.set("1", aBuild({ tests }));
  world.runs.set("1", aRun({ status: "done" }));
  await page.goto(`${url}/builds/1`);
  expect(await page.title()).not.toBe("owned");
  await picture("test-results");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("text=report.html")]);
  expect(download.suggestedFilename()).toBe("report.html");
  expect(page.url()).toBe(`${url}/builds/1`);
  await page.goto(`${url}/builds/1/tests/5/artifacts/test.log`);
  expect([await page.title(), await page.textContent("body")]).toEqual(["", script]);
  expect(complaints).toEqual([]);
});
