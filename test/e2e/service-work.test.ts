import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { run } from "../../demo/flibs-process.ts";
import { dockerSocket, requireDocker } from "../support/docker.ts";
import { until } from "../support/running-service.ts";
import { startServe } from "../support/serve-process.ts";
import { serviceWorld } from "./service-world.ts";

const socket = process.env.FLIBS_DOCKER_SOCKET ?? dockerSocket;
const at = serviceWorld();
const { settingsWith, service, newRepository, dockerfile, buildAt, shown, ended, isBuilding, expectOneImage, running } = at;

describe("work that changes while it is done", () => {
  test("a second push takes the first one's place, and the first commit says by what", async () => {
    await service();
    const person = await newRepository("again");
    const first = await person.push(await dockerfile(person, 60));
    const before = await buildAt("again", first);
    await isBuilding(before.id);
    const second = await person.push(await dockerfile(person));
    expect((await ended(before.id)).run.status).toBe("superseded");
    const after = await buildAt("again", second);
    expect((await ended(after.id)).run.status).toBe("done");
    expect(await shown(after.id)).toMatchObject({ nvr: { release: "1" } });
    const statuses = await until("the first commit's last word", async () => {
      const all = await at.forge.listStatuses("containers/again", first);
      return all.some(({ state }) => state === "pending" || state === "running") ? undefined : all;
    });
    expect(statuses.map(({ title, summary }) => `${title} ${summary}`).join("\n")).toMatch(/superseded|newer/i);
  }, 300_000);

  test("flibs cancel ends a build in the middle of a step, and its NVR is free again", async () => {
    await service();
    const person = await newRepository("cancelled");
    const commit = await person.push(await dockerfile(person, 60));
    const { id } = await buildAt("cancelled", commit);
    await isBuilding(id);
    const nvr = (await shown(id)).nvr;
    // From its word on: how long a process takes to start on a busy machine is not the service's doing.
    let asked = 0;
    const command = await at.flibs.live(
      () => {
        asked ||= Date.now();
      },
      "cancel",
      id,
    );
    expect(command).toMatchObject({ code: 0, out: expect.stringMatching(/is being cancelled/) });
    const build = await ended(id);
    // Far less than the minute that the build sleeps: it did not wait for that.
    expect(new Date(build.finishedAt ?? "").getTime() - asked).toBeLessThan(20_000);
    expect(build).toMatchObject({ state: "cancelled", run: { status: "cancelled" } });
    const docker = await requireDocker(socket);
    await until("the container to be gone", async () => {
      const left = (await docker.listContainers({ all: true })).filter(
        ({ Labels, Command }) => Labels["io.flibs.key"]?.startsWith(`${id}/`) || Command.includes("sleep 60"),
      );
      return left.length === 0 ? true : undefined;
    });
    expect((await at.flibs.run("cancel", id)).code).toBe(1);
    const again = await person.push(await dockerfile(person));
    expect((await ended((await buildAt("cancelled", again)).id)).nvr).toEqual(nvr);
  }, 300_000);
});

test("flibs container-build in a working copy refuses what is not pushed, builds what is, and logs -f follows it", async () => {
  await service();
  const person = await newRepository("by-hand");
  await person.push(await dockerfile(person, 2));
  const first = (await buildAt("by-hand", await person.git("rev-parse", "HEAD"))).id;
  const followed = await at.flibs.run("logs", "-f", first);
  expect(followed).toMatchObject({ code: 0, out: expect.stringMatching(/slept/) });
  const done = await ended(first);
  expect(done.run.status).toBe("done");
  expect(await at.flibs.json("show", first)).toMatchObject({ id: first, nvr: done.nvr, run: { status: "done" } });
  expect(await at.flibs.json("builds", "--repository", "containers/by-hand")).toMatchObject([{ id: first, state: "complete" }]);

  const main = join(import.meta.dirname, "../../src/main.ts");
  const inCopy = (...args: string[]) =>
    run(process.execPath, ["--disable-warning=ExperimentalWarning", main, "--config", at.settingsFile, ...args], { cwd: person.directory });
  await writeFile(join(person.directory, "help.md"), "changed");
  expect(await inCopy("container-build")).toMatchObject({ code: 2, err: expect.stringMatching(/uncommitted changes/) });
  await person.git("commit", "--all", "--quiet", "--message", "Not pushed");
  expect(await inCopy("container-build")).toMatchObject({ code: 2, err: expect.stringMatching(/There are unpushed changes in your repo/) });
  await person.git("reset", "--quiet", "--hard", "origin/main");
  const built = await inCopy("container-build", "--scratch", "--json");
  expect(built.code).toBe(0);
  expect(JSON.parse(built.out)).toMatchObject({ state: "complete", scratch: true, repository: "containers/by-hand" });
  expect((await inCopy("show", "nonsense")).code).toBe(2);
}, 300_000);

test("two flibs on one database share the work: ten builds, each done once", async () => {
  const one = await service();
  const before = one.log().length;
  const { url } = JSON.parse(await readFile(join(at.installation.settings.stateDirectory, "postgres/connection.json"), "utf8"));
  const second = await settingsWith("second.yaml", (settings) => {
    settings.web = { ...settings.web, listen: "127.0.0.1:0" };
  });
  const two = await startServe(second, { DATABASE_URL: url });
  running.push(two);
  const names = Array.from({ length: 10 }, (_, n) => `shared-${n}`);
  const commits: string[] = [];
  for (const name of names) {
    const person = await newRepository(name);
    commits.push(await person.push(await dockerfile(person)));
  }
  for (const [n, name] of names.entries()) {
    expect((await ended((await buildAt(name, commits[n] ?? "")).id)).run.status).toBe("done");
    await expectOneImage(name);
  }
  for (const log of [one.log().slice(before), two.log()]) expect(/"flow":"build","step":"[^"]+".*"step done"/.test(log)).toBe(true);
  await two.stop();
}, 240_000);
