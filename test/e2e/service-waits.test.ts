import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { dockerSocket } from "../support/docker.ts";
import { until } from "../support/running-service.ts";
import { door } from "../support/serve-process.ts";
import { serviceWorld } from "./service-world.ts";

const socket = process.env.FLIBS_DOCKER_SOCKET ?? dockerSocket;
const at = serviceWorld();
const { settingsWith, service, serve, newRepository, dockerfile, buildAt, shownWhen, ended, isBuilding, expectOneImage } = at;

describe("parts that cannot be reached", () => {
  test("no Docker socket: the build waits, says so on the commit and in `flibs show`, and goes on by itself", async () => {
    const path = join(at.installation.directory, "docker.sock");
    await serve(
      await settingsWith("no-docker.yaml", (settings) => {
        settings.engines = [{ kind: "docker", host: `unix://${path}` }];
      }),
    );
    const person = await newRepository("no-docker");
    const commit = await person.push(await dockerfile(person));
    const { id } = await buildAt("no-docker", commit);
    const waiting = await shownWhen(id, "waiting", ({ run }) => run.waitingFor !== undefined);
    expect(waiting).toMatchObject({ state: "building", run: { status: "waiting" } });
    expect(waiting.run.waitingFor).toMatch(/engine|Docker/i);
    expect((await at.flibs.run("show", id)).out).toMatch(/waiting/i);
    const told = await until("a status that tells it", async () =>
      (await at.forge.listStatuses("containers/no-docker", commit)).find((status) => /wait/i.test(`${status.title} ${status.summary}`)),
    );
    expect(["pending", "running"]).toContain(told.state);
    await symlink(socket, path);
    expect((await ended(id)).run.status).toBe("done");
    await expectOneImage("no-docker");
  }, 120_000);

  test("the candidate registry is away in the middle of a build: the build goes on when it is back", async () => {
    const entrance = await door(at.installation.candidate.endpoint);
    try {
      await serve(
        await settingsWith("door.yaml", (settings) => {
          settings.registries.candidate.endpoint = entrance.endpoint;
        }),
      );
      const person = await newRepository("registry-away");
      const commit = await person.push(await dockerfile(person, 3));
      const { id } = await buildAt("registry-away", commit);
      await isBuilding(id);
      await entrance.shut();
      const waiting = await shownWhen(id, "kept up", ({ run }) => run.waitingFor !== undefined);
      expect(waiting.state).toBe("building");
      expect(waiting.run.waitingFor).toMatch(/registr/i);
      await entrance.reopen();
      await shownWhen(id, "complete", (build) => build.state === "complete");
      await expectOneImage("registry-away");
      await ended(id);
    } finally {
      await entrance.shut();
    }
  }, 120_000);
});

test("health, readiness and metrics tell how it is", async () => {
  await service();
  // Not the hook's address: that is of whichever replica came last.
  const url = `http://${at.installation.settings.web.listen}`;
  expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ ok: true });
  const ready = await until("all parts to be looked at", async () => {
    const answer = (await (await fetch(`${url}/readyz`)).json()) as { ok: boolean; parts: { name: string; ok: boolean }[] };
    return answer.parts.every(({ ok }) => ok) ? answer : undefined;
  });
  expect(ready.ok).toBe(true);
  expect(ready.parts.map(({ name }) => name).sort()).toEqual(["candidate", "database", "engine", "production"]);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toMatch(/^flibs_\w+/m);
}, 60_000);
