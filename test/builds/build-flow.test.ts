import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { type ScratchDirectory, scratchDirectory } from "../support/scratch-directory.ts";
import { buildWorld, goodFiles, request } from "./build-world.ts";

let scratch: ScratchDirectory;
let world: ReturnType<typeof buildWorld>;
beforeEach(async () => {
  scratch = await scratchDirectory();
  world = buildWorld(scratch.path);
});
afterEach(() => scratch.remove());

const states = () => Object.fromEntries([...world.statuses.values()].map((one) => [one.name, one.state]));

test("a push becomes a tested candidate and a promotion", async () => {
  expect(await world.run("run-1")).toBeUndefined();
  const record = world.records.get("run-1");
  expect(record).toMatchObject({
    state: "complete",
    nvr: { name: "hello-container", version: "1", release: "1" },
    promotion: { number: 7 },
  });
  expect(world.built[0]).toContain(`FROM mirror.example:5000/fedora@${world.parent.digest}\n`);
  expect(world.built[0]).toMatch(
    /\nLABEL "Architecture"="x86_64" "BZComponent"="hello-container" "Name"="f42\/hello" "Release"="1" "Version"="1" "architecture"="x86_64" "build-date"="2026-11-23T21:00:00.000Z" "release"="1" "vcs-ref"="c{40}" "vcs-type"="git"\n$/,
  );
  expect(states()).toEqual({
    "flibs / lint": "success",
    "flibs / build (linux/amd64)": "success",
    "flibs / test: smoke": "success",
    "flibs / promotion": "success",
  });
});

test("the engine is given the images of FROM lines, and not what only looks like one", async () => {
  world.dialect = { builder: "buildkit", features: ["heredoc"] };
  const evil = `mirror.example:5000/evil@sha256:${"e".repeat(64)}`;
  const lines = [
    "FROM --platform=$BUILDPLATFORM \\\n registry.fedoraproject.org/fedora:42 AS tools",
    `RUN cat > /tmp/Dockerfile <<EOF\nFROM ${evil}\nCOPY --from=${evil} /a /b\nEOF`,
    `COPY <<EOF /etc/motd\nFROM ${evil} AS evil\nEOF`,
    "FROM registry.fedoraproject.org/fedora:42",
    "FROM scratch AS nothing",
    `FROM tools\n${goodFiles.Dockerfile?.split("\n")[1]}\n`,
  ];
  world.files = { ...goodFiles, Dockerfile: lines.join("\n") };
  expect(await world.run("run-1")).toBeUndefined();
  expect(world.built[0]).toContain(evil);
  expect(world.asked[0]?.parents).toEqual([`mirror.example:5000/fedora@${world.parent.digest}`]);
});

test("no tag is written before it is signed", async () => {
  await world.run("run-1");
  const tags = world.effects.filter((one) => one.startsWith("put ") && !one.includes("sha256:")).map((one) => one.slice(4));
  expect(tags.slice(1)).toEqual(["1-1", "1", "latest"]);
  for (const tag of tags) expect(world.effects.indexOf(`sign ${tag}`)).toBeLessThan(world.effects.indexOf(`put ${tag}`));
  for (const tag of tags)
    expect(world.signer.signed.filter((one) => one.publicName === `candidate.example/f42/hello:${tag}`)).toHaveLength(2);
});

test("the second build counts the release up", async () => {
  await world.run("run-1");
  await world.run("run-2");
  expect(world.records.get("run-2")?.nvr?.release).toBe("2");
});

test("a scratch build takes no NVR, writes only its own tag and stops after the tests", async () => {
  await world.run("run-1", { ...request, scratch: true });
  expect(world.records.get("run-1")?.nvr).toBeUndefined();
  expect(world.promoted).toEqual([]);
  expect(world.effects.filter((one) => one.startsWith("put ") && !one.includes("sha256:"))).toHaveLength(1);
  expect(Object.values(states())).toEqual(["success", "success", "success"]);
});

test("a lint fault ends the build before the engine is asked", async () => {
  world.files = { Dockerfile: "FROM registry.fedoraproject.org/fedora:42\nLABEL name=x version=1\n" };
  expect(await world.run("run-1")).toMatchObject({ code: "distgit.label-missing" });
  expect(world.built).toEqual([]);
  expect(world.statuses.get("flibs / lint")).toMatchObject({
    state: "failure",
    title: 'Dockerfile:1: label "com.redhat.component" is missing; every image must carry it',
    url: "http://flibs.example.test/builds/run-1",
  });
});

test.each([
  ["fedora:42", "builds.parent-short-name", "Write the whole name, for example FROM registry.fedoraproject.org/fedora:42"],
  ["docker.io/library/x:1", "builds.parent-not-allowed", "Use a base image from there, or ask the operators to allow it"],
  [
    "registry.fedoraproject.org/nope:1",
    "builds.parent-unknown",
    "Correct the name or the tag; of a new image, look whether it is released already",
  ],
])("FROM %s is refused", async (image, code, hint) => {
  world.files = { Dockerfile: goodFiles.Dockerfile?.replace("registry.fedoraproject.org/fedora:42", image) ?? "" };
  expect(await world.run("run-1")).toMatchObject({ code, hint, file: "Dockerfile", line: 1 });
  expect(states()).toEqual({ "flibs / lint": "failure" });
});

test.each([
  [{ outcome: "failed", message: "exit code 1", instruction: "RUN false" } as const, "builds.build-failed"],
  [{ outcome: "timed-out" } as const, "builds.timed-out"],
  [{ outcome: "log-limit" } as const, "builds.log-too-large"],
  [{ outcome: "disk-limit" } as const, "builds.disk-limit"],
])("a build that ends as %j frees its NVR and leaves nothing pending", async (outcome, code) => {
  world.outcome = outcome;
  expect(await world.run("run-1")).toMatchObject({ code });
  expect(world.records.get("run-1")?.state).toBe("failed");
  const status = world.statuses.get("flibs / build (linux/amd64)");
  expect(status?.state).toBe(code === "builds.timed-out" ? "timed-out" : "failure");
  expect(status?.summary).toContain("```text\nStep 1/2\ntoken (masked) `` red\n```");
  expect(Object.values(states()).filter((state) => state === "pending" || state === "running")).toEqual([]);
  world.outcome = undefined;
  await world.run("run-2");
  expect(world.records.get("run-2")?.nvr?.release).toBe("1");
});

test.each(["fail", "error"] as const)("a required test that ends as %s stops the promotion, the build stays", async (outcome) => {
  world.test = { outcome, message: "a: returned 1, expected 0", cases: [] };
  expect(await world.run("run-1")).toMatchObject({ code: "builds.tests-failed" });
  expect(world.promoted).toEqual([]);
  expect(world.records.get("run-1")?.state).toBe("complete");
  expect(states()["flibs / test: smoke"]).toBe(outcome === "fail" ? "failure" : "error");
});

test("an engine that is away makes the build wait and say so", async () => {
  world.engineDown = true;
  expect(await world.run("run-1")).toMatchObject({ name: "Suspended", waitingFor: "the engine: no answer" });
  await world.flow.waiting?.("run-1", request, "the engine: no answer");
  expect(world.statuses.get("flibs / lint")).toMatchObject({ state: "pending", title: "Waiting for the engine: no answer" });
});
