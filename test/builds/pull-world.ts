import type { BuildRequested } from "../../src/builds/build-record.ts";
import { pullFlow } from "../../src/builds/pull-flow.ts";
import type { PullHead, PullPorts, Trust } from "../../src/builds/pull-ports.ts";
import { fakeForge } from "../fakes/forge.ts";
import { fakeRuns } from "../fakes/runs.ts";
import { buildWorld, goodFiles } from "./build-world.ts";

export const repository = "containers/hello";

/** A pull request of alice onto f42 on a forge in memory, and flibs looking at it. */
export async function pullWorld(root: string) {
  const builds = buildWorld(root);
  const forge = fakeForge();
  const { all, runs } = fakeRuns();
  await forge.createRepository(repository);
  const base = forge.commit(repository, "f42", goodFiles);
  const push = (files: Readonly<Record<string, string | null>>) => forge.commit(repository, "topic", files);
  forge.commit(repository, "topic", { "README.md": "new" }, "f42");
  const { number } = await forge.openPull({ repository, headBranch: "topic", baseBranch: "f42", title: "t", body: "", person: "alice" });
  const world = {
    trust: { trusted: true } as Trust,
    /** Asked whose pull request it is. */
    asked: [] as PullHead[],
  };
  const ports: PullPorts = {
    ...builds.ports,
    forge: () => forge,
    runs,
    trust: async (pull) => {
      world.asked.push(pull);
      return world.trust;
    },
  };
  const flow = pullFlow(ports);
  const look = (head: string): PullHead => ({ forge: "local", repository, number, head });
  const head = async () => (await forge.findPull(repository, number))?.head ?? "";
  const stateOf = async (commit: string) =>
    Object.fromEntries((await forge.listStatuses(repository, commit)).map((one) => [one.name, one.state]));
  const statusOf = async (commit: string, name: string) => (await forge.listStatuses(repository, commit)).find((one) => one.name === name);
  const run = async (id: string, commit?: string) => builds.journal.attempt(flow, id, look(commit ?? (await head())));
  const addBuild = (id: string, more: Partial<BuildRequested> = {}, open = true) => {
    const request = {
      forge: "local",
      repository,
      branch: "f42",
      commit: "c".repeat(40),
      scratch: true,
      requestedBy: "alice",
      pull: number,
    };
    const subject = `build ${repository} #${number}`;
    const createdAt = "2026-11-23T21:00:00Z";
    all.push({ id, flow: "build", subject, intent: { ...request, ...more }, status: open ? "running" : "done", attempt: 0, createdAt });
  };
  return Object.assign(world, {
    ...{ forge, base, number, push, head, look, stateOf, statusOf, run, addBuild, flow, ports, runs: all },
    journal: builds.journal,
    log: builds.log,
  });
}
