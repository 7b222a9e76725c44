import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { scratchRelease } from "../../src/builds/contents.ts";
import type { ExtraFile } from "../../src/engines/engine.ts";
import { Crash } from "../support/memory-journal.ts";
import { scratchDirectory } from "../support/scratch-directory.ts";
import { addParent, buildWorld, goodFiles, request } from "./build-world.ts";

type World = ReturnType<typeof buildWorld>;
type Settings = { -readonly [K in keyof World["ports"]["settings"]]: World["ports"]["settings"][K] };
let world: World;
let settings: Settings;
let remove: () => Promise<void>;

beforeEach(async () => {
  const scratch = await scratchDirectory();
  remove = scratch.remove;
  world = buildWorld(scratch.path);
  settings = world.ports.settings;
});
afterEach(() => remove());

const from = "FROM registry.fedoraproject.org/fedora:42\n";
const labels = "LABEL com.redhat.component=hello-container name=f42/hello version=1 maintainer=Alice\n";
const repository = "[a]\nbaseurl=https://d.example.test/\n";

/** Texts of what the engine got beside the tree, of archives what is in them; of a file of this machine only that it is one. */
function extras(index = 0): Record<string, string> {
  const texts = (name: string, file: ExtraFile): [string, string][] => {
    if ("path" in file) return [[name, "a file"]];
    if ("archive" in file) return Object.entries(file.archive).flatMap(([inside, bytes]) => texts(`${name}:${inside}`, bytes));
    return [[name, Buffer.from(file).toString()]];
  };
  return Object.fromEntries(Object.entries(world.asked[index]?.extraFiles ?? {}).flatMap(([name, file]) => texts(name, file)));
}

test("an image gets its Dockerfile, its content manifest and its help", async () => {
  world.files = {
    ...goodFiles,
    Dockerfile: `${from}${labels}RUN a\nUSER app\nCMD a\n`,
    "help.md": "# hello\n\nSays hello.\n",
    "content_sets.yml": "x86_64: [a-rpms]\ns390x: [z-rpms]\n",
    "container.yaml": "set_release_env: OS_BUILD\nbuildtime_limit: 600\n",
  };
  expect(await world.run("run-1")).toBeUndefined();
  expect(world.asked[0]?.limits.timeoutMs).toBe(600_000);
  expect(extras()).toEqual({
    ".flibs/buildinfo.tar:Dockerfile-f42-hello-1-1": world.files.Dockerfile,
    ".flibs/buildinfo.tar:content_manifests/": "",
    ".flibs/buildinfo.tar:content_manifests/hello-container-1-1.json": expect.stringContaining('"a-rpms"'),
    ".flibs/help.1": '.nh\n.TH "F42/HELLO" "1" "November 23, 2026" "Alice" "Container Image Pages"\n.SH "hello"\n.PP\nSays hello.\n',
  });
  expect(JSON.parse(extras()[".flibs/buildinfo.tar:content_manifests/hello-container-1-1.json"] ?? "")).toEqual({
    metadata: { icm_version: 1, icm_spec: expect.stringContaining("content_manifest.json"), image_layer_index: 0 },
    content_sets: ["a-rpms"],
    image_contents: [],
    from_dnf_hint: false,
  });
  expect(world.built[0]).toBe(
    `FROM mirror.example:5000/fedora@${world.parent.digest}\nENV OS_BUILD="1"\n${labels}RUN a\nUSER app\nADD .flibs/buildinfo.tar /root/buildinfo/\nCOPY .flibs/help.1 /help.1\nCMD a\nLABEL "Architecture"="x86_64" "BZComponent"="hello-container" "Name"="f42/hello" "Release"="1" "Version"="1" "architecture"="x86_64" "build-date"="2026-11-23T21:00:00.000Z" "release"="1" "vcs-ref"="${request.commit}" "vcs-type"="git"\n`,
  );
  expect(world.records.get("run-1")?.plan?.contents).toMatchObject({ help: true, release: "1", users: ["app"], baseLayers: 0 });
});

test("a scratch build has a release made of its id", async () => {
  world.files = { ...goodFiles, "container.yaml": "set_release_env: REL\n" };
  await world.run("run-1", { ...request, scratch: true });
  expect(Object.keys(extras())).toContain(".flibs/buildinfo.tar:Dockerfile-f42-hello-1-0.run.1");
  expect(world.built[0]).toContain('ENV REL="0.run.1"\n');
  expect(world.built[0]).toContain('"release"="0.run.1"');
  expect(["20261123-v0r7k2q", "-a-", "é"].map(scratchRelease)).toEqual(["0.20261123.v0r7k2q", "0.a", "0.0"]);
});

test("a directory that the repository has itself is left to it", async () => {
  world.files = { ...goodFiles, ".flibs/mine": "x", ".flibs.1": "y" };
  await world.run("run-1");
  expect(Object.keys(extras()).every((name) => name.startsWith(".flibs.2/"))).toBe(true);
  expect(world.built[0]).toContain("ADD .flibs.2/buildinfo.tar /root/buildinfo/");
});

describe("yum repositories", () => {
  const url = "https://repos.example.test/a.repo";
  const site = "https://site.example.test/site.repo";

  test("of site and request are there for every platform, fetched once, and the base image's user comes back", async () => {
    world.platforms = ["linux/amd64", "linux/arm64"];
    world.web.set(url, repository).set(site, repository);
    settings.repositories = { site: [site], allowedHosts: ["repos.example.test"] };
    world.files = { ...goodFiles, Dockerfile: `${from}${labels}USER 1001\nRUN dnf -y install a\n` };
    expect(await world.run("run-1", { ...request, yumRepositories: [url] })).toBeUndefined();
    for (const index of [0, 1]) {
      expect(extras(index)[".flibs/repos/flibs-1-site.repo"]).toBe(repository);
      expect(extras(index)[".flibs/repos/flibs-2-a.repo"]).toBe(repository);
      expect(world.built[index]).toContain(`\nCOPY .flibs/repos/ /etc/yum.repos.d/\n`);
      expect(world.built[index]).toContain(
        '\nUSER root\nRUN ["rm","-f","/etc/yum.repos.d/flibs-1-site.repo","/etc/yum.repos.d/flibs-2-a.repo"]\nUSER 1001\n',
      );
    }
    expect(world.asksOfTheWeb).toEqual([site, url]);
  });

  test("that are not allowed end the build before it takes a release", async () => {
    expect(await world.run("run-1", { ...request, yumRepositories: [url] })).toMatchObject({
      code: "builds.download-refused",
      message: `yum repository ${url} is on no allowed host; allowed are none`,
    });
    expect(world.records.get("run-1")).toMatchObject({ state: "failed" });
    expect(world.records.get("run-1")?.nvr).toBeUndefined();
    expect(world.asksOfTheWeb).toEqual([]);
  });

  test("of a scratch build by somebody who may write come from anywhere, of a stranger's from nowhere", async () => {
    world.web.set(url, repository);
    expect(await world.run("run-1", { ...request, scratch: true, yumRepositories: [url] })).toBeUndefined();
    const stranger = { ...request, scratch: true, pull: 1, stranger: { base: "b".repeat(40) }, yumRepositories: [url] };
    expect(await world.run("run-2", stranger)).toMatchObject({ code: "builds.option-denied" });
    expect(world.asksOfTheWeb).toEqual([url]);
  });
});

describe("sources", () => {
  const hash = createHash("sha512").update("archive").digest("hex");
  const sources = `SHA512 (a.tar.gz) = ${hash}\n`;
  const url = `https://cache.example.test/containers/hello/a.tar.gz/${hash}`;

  test("come from the site's cache into the context", async () => {
    settings.sourcesUrl = "https://cache.example.test/{repository}/{file}/{hash}";
    world.web.set(url, "archive");
    world.files = { ...goodFiles, sources };
    expect(await world.run("run-1")).toBeUndefined();
    expect(extras()["a.tar.gz"]).toBe("a file");
    expect(world.asksOfTheWeb).toEqual([url]);
  });

  test("are fetched again on a machine that does not have them", async () => {
    settings.sourcesUrl = "https://cache.example.test/{repository}/{file}/{hash}";
    world.web.set(url, "archive");
    world.files = { ...goodFiles, sources };
    const run = world.journal.runOf("run-1");
    run.before = (step) => {
      if (step === "build linux/amd64") throw new Crash();
    };
    await world.run("run-1");
    await world.ports.workspaces.remove("run-1");
    run.before = () => {};
    expect(await world.run("run-1")).toBeUndefined();
    expect(extras()["a.tar.gz"]).toBe("a file");
    expect(world.asksOfTheWeb).toEqual([url, url]);
  });

  test("of a stranger's pull request are asked of no other host either", async () => {
    settings.sourcesUrl = "https://cache.example.test/{repository}/{file}/{hash}";
    world.files = { ...goodFiles, sources };
    world.filesOf = { ["b".repeat(40)]: goodFiles };
    await world.run("run-1", { ...request, scratch: true, pull: 1, stranger: { base: "b".repeat(40) } });
    expect(world.asksOfTheWeb.map((one) => new URL(one).host)).toEqual(["cache.example.test"]);
  });

  test("without a cache end the build with a word of help", async () => {
    world.files = { ...goodFiles, sources };
    expect(await world.run("run-1")).toMatchObject({
      code: "builds.sources-unavailable",
      message: "sources lists a.tar.gz, and this site has no lookaside cache",
    });
    expect(world.asked).toEqual([]);
  });

  test("that are wrong are found by lint, and nothing is fetched", async () => {
    settings.sourcesUrl = "https://cache.example.test/{repository}/{file}/{hash}";
    world.files = { ...goodFiles, sources: `SHA512 (../../x) = ${hash}\n` };
    expect(await world.run("run-1")).toMatchObject({ code: "distgit.sources-invalid", file: "sources", line: 1 });
    expect(world.asksOfTheWeb).toEqual([]);
  });
});

describe("limits", () => {
  test("container.yaml's limit is told as such when it is passed", async () => {
    world.files = { ...goodFiles, "container.yaml": "buildtime_limit: 90\n" };
    world.outcome = { outcome: "timed-out", step: 1 };
    expect(await world.run("run-1")).toMatchObject({
      message: "building for linux/amd64 took longer than 90 seconds",
      hint: "Look whether the command there never ends or asks for input; raise buildtime_limit in container.yaml if it needs longer",
    });
  });

  test("is cut to the site's, with a warning", async () => {
    world.files = { ...goodFiles, "container.yaml": "buildtime_limit: 36000\n" };
    await world.run("run-1");
    expect(world.asked[0]?.limits.timeoutMs).toBe(3_600_000);
    expect(world.records.get("run-1")?.findings?.map((one) => one.message)).toEqual([
      '"buildtime_limit" is cut to 3600 seconds, the most that the site allows',
    ]);
  });
});

describe("labels", () => {
  test("of the site and of the base image", async () => {
    addParent(world.parents, "fedora", "43", ["linux/amd64"], {
      Labels: { description: "A base", "distribution-scope": "public", vendor: "Base" },
      User: "1000",
    });
    settings.labels = {
      values: { vendor: "Site" },
      equal: [["description", "io.k8s.description"]],
      infoUrlFormat: "https://i.example.test/{name}/{version}-{release}",
    };
    settings.repositories = { site: ["https://site.example.test/site.repo"], allowedHosts: [] };
    world.web.set("https://site.example.test/site.repo", repository);
    world.files = { ...goodFiles, Dockerfile: `${from.replace("42", "43")}${labels}RUN a\n` };
    expect(await world.run("run-1")).toBeUndefined();
    expect(world.records.get("run-1")?.plan?.labels).toMatchObject({
      ...{ vendor: "Site", Vendor: "Site", "io.k8s.description": "A base", url: "https://i.example.test/f42/hello/1-1" },
    });
    expect(world.records.get("run-1")?.plan?.labels).not.toHaveProperty("description");
    expect(world.built[0]).toContain("\nUSER 1000\nLABEL ");
  });

  test("a scope wider than the base image's ends the build when the base image is known", async () => {
    addParent(world.parents, "fedora", "43", ["linux/amd64"], { Labels: { "distribution-scope": "private" } });
    world.files = { ...goodFiles, Dockerfile: `${from.replace("42", "43")}${labels}LABEL distribution-scope=public\n` };
    expect(await world.run("run-1")).toMatchObject({
      code: "distgit.label-invalid",
      line: 3,
      message:
        'label "distribution-scope" is "public", but the base image\'s is "private"; an image must not be open to more people than what it is made of',
    });
  });
});

describe("runs that an older release has begun", () => {
  test("go on without what it did not plan: nothing is fetched, added or limited", async () => {
    world.files = { ...goodFiles, "help.md": "# a\n", "container.yaml": "set_release_env: REL\nbuildtime_limit: 5\n" };
    const run = world.journal.runOf("run-1");
    // It ends where the older release was stopped, with what that one had written down.
    run.before = (step) => {
      if (step === "reserve") throw new Crash();
    };
    await world.run("run-1");
    settings.repositories = { site: ["https://site.example.test/site.repo"], allowedHosts: [] };
    const plan = run.journal.get("plan");
    if (plan === undefined) throw new Error("the plan was not recorded");
    const { contents: _, ...facts } = plan.result as Record<string, unknown>;
    run.journal.set("plan", { ...plan, result: facts });
    run.before = () => {};
    expect(await world.run("run-1")).toBeUndefined();
    expect(world.records.get("run-1")).toMatchObject({ state: "complete" });
    expect(world.asked.at(-1)).toMatchObject({ extraFiles: {}, limits: { timeoutMs: 3_600_000 } });
    expect(world.built.at(-1)).not.toContain("COPY");
    expect(world.asksOfTheWeb).toEqual([]);
  });
});
