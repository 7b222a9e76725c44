import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { lstat, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { chromium } from "playwright-core";
import { type FakeGithubWeb, fakeGithubWeb } from "../../support/fake-github-web.ts";
import { type ScratchDirectory, scratchDirectory } from "../../support/scratch-directory.ts";

/** The real command in a process of its own, and the distribution's Chromium. */
const main = join(import.meta.dirname, "../../../src/main.ts");
let scratch: ScratchDirectory;
let github: FakeGithubWeb;
let children: ChildProcess[] = [];

beforeEach(async () => {
  scratch = await scratchDirectory();
  github = await fakeGithubWeb();
  await writeFile(join(scratch.path, "flibs.yaml"), "");
});
afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  children = [];
  await github[Symbol.asyncDispose]();
  await scratch.remove();
});

async function startCommand() {
  const flags = ["github", "create-app", "--url", "https://flibs.example.com", "--base-url", github.url];
  const child = spawn(process.execPath, [main, "--config", join(scratch.path, "flibs.yaml"), ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "close") as Promise<[number | null]>;
  let err = "";
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      err += text;
      const found = /http:\/\/127\.\S+/.exec(err)?.[0];
      if (found) resolve(found);
    });
    void ended.then(() => reject(new Error(err)));
  });
  children.push(child);
  return { child, url, ended, err: () => err };
}

test("a browser posts the manifest by itself under the page's own policy, and comes back", async () => {
  const { url, ended } = await startCommand();
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
  try {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    await page.goto(url, { waitUntil: "commit" });
    await page.getByRole("button", { name: "Create GitHub App" }).click();
    await page.getByText("Its secrets are stored").waitFor();
    expect(complaints).toEqual([]);
  } finally {
    await browser.close();
  }
  expect((await ended)[0]).toBe(0);
  expect(github.made).toMatchObject([{ owner: "alice", manifest: { name: "flibs" } }]);
  expect((await lstat(join(scratch.path, "github-app.pem"))).mode & 0o777).toBe(0o600);
});

test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("%s ends the wait and leaves nothing behind", async (signal) => {
  const { child, ended, err } = await startCommand();
  child.kill(signal);
  expect((await ended)[0]).toBe(1);
  expect(err()).toContain("stopped before GitHub sent anybody back");
  expect(await readdir(scratch.path)).toEqual(["flibs.yaml"]);
});
