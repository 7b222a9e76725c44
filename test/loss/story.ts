import type { App } from "../../src/app.ts";
import { completedChecks } from "../support/completed-checks.ts";
import type { GithubInstallation } from "../support/github-installation.ts";
import { until } from "../support/running-service.ts";
import type { Weather } from "./weather.ts";

export const names = ["alpha", "beta", "gamma"] as const;
export const repositoryOf = (name: string) => `containers/${name}`;
export const imageOf = (name: string) => `f42/${name}`;

/** What people did, by names that are the same whenever the story is told. */
export interface Told {
  /** Every commit: `alpha topic 1`. */
  readonly commits: ReadonlyMap<string, { readonly repository: string; readonly label: string }>;
  /** Commits at which something came to stand still; the checks of others depend on how soon the next commit was heard of. */
  readonly settled: ReadonlySet<string>;
  /** Comments of people: id to name. */
  readonly comments: ReadonlyMap<number, string>;
  /** How each promotion was judged before it was merged. Afterwards a look that a merge cut off may stand there as cancelled. */
  readonly promotions: Readonly<Record<string, string>>;
}

const patienceMs = 150_000;
const builtChecks = [/lint/, /build \(linux\/amd64\)/, /test: smoke/];

/** The repositories that the story begins with; made before flibs first looks, so that their first commits are its past. */
export async function prepareStory({ github, template }: GithubInstallation): Promise<void> {
  for (const name of names) {
    await github.createRepository(repositoryOf(name), { files: await template(name), roles: { alice: "write", bob: "write" } });
  }
}

/**
 * Maintainers open pull requests, mend them, have them built and merge them; a stranger's waits for approvals; a release engineer merges the
 * promotions. After each stage people wait until what they asked for is done, as they do.
 */
export async function tellStory(world: GithubInstallation, app: App, { stage }: Weather): Promise<Told> {
  const { github, template, settings } = world;
  const manifests = settings.manifests.repository;
  const commits = new Map<string, { readonly repository: string; readonly label: string }>();
  const settled = new Set<string>();
  const comments = new Map<number, string>();
  const [alice, bob, mallory, rel] = ["alice", "bob", "mallory", "rel"].map((login) => github.person(login)) as [P, P, P, P];
  type P = ReturnType<typeof github.person>;
  const dockerfile = async (name: string) => String((await template(name)).Dockerfile);
  const note = (repository: string, label: string, commit: string) => {
    commits.set(commit, { repository, label });
    return commit;
  };
  const say = async (person: P, repository: string, number: number, label: string, text: string) =>
    void comments.set(await person.comment(repository, number, text), label);
  const completed = async (repository: string, commit: string, checks: readonly RegExp[]) => {
    settled.add(commit);
    return await completedChecks(github, repository, commit, checks, patienceMs);
  };
  const isBuilt = (commit: string) =>
    until(
      `a complete build of ${commits.get(commit)?.label}`,
      async () => (await app.store.builds.list({ limit: 50 })).find((one) => one.commit === commit && one.state === "complete"),
      patienceMs,
    );

  const pulls = new Map<string, number>();
  const broken = await stage(async () => {
    const heads: [string, string][] = [];
    for (const name of names) {
      const text = (await dockerfile(name)).replace(/ +version="1".*\n/, "");
      const head = note(repositoryOf(name), `${name} topic 1`, await alice.push(repositoryOf(name), "topic", { Dockerfile: text }));
      pulls.set(name, await alice.openPull(repositoryOf(name), { head: "topic" }));
      heads.push([name, head]);
    }
    return heads;
  });
  for (const [name, head] of broken) await completed(repositoryOf(name), head, [/lint/]);

  const mended = await stage(async () => {
    const heads: [string, string][] = [];
    for (const name of names) {
      const repository = repositoryOf(name);
      const number = pulls.get(name) ?? 0;
      await say(bob, repository, number, `${name}: talk`, "Shouldn't this have a version?");
      const text = `${await dockerfile(name)}# mended\n`;
      heads.push([name, note(repository, `${name} topic 2`, await alice.push(repository, "topic", { Dockerfile: text }))]);
      await say(alice, repository, number, `${name}: build`, "Now it has.\n\n/build");
    }
    await say(bob, repositoryOf("alpha"), pulls.get("alpha") ?? 0, "alpha: mistyped", "/biuld");
    return heads;
  });
  for (const [name, head] of mended) {
    await completed(repositoryOf(name), head, builtChecks);
    await isBuilt(head);
  }

  const alpha = repositoryOf("alpha");
  const fork = await mallory.fork(alpha);
  const { strange, number } = await stage(async () => {
    await say(bob, repositoryOf("beta"), pulls.get("beta") ?? 0, "beta: test", "/test smoke");
    const head = note(alpha, "stranger 1", await mallory.push(fork, "evil", { "root/extra": "1\n" }));
    const opened = await mallory.openPull(alpha, { head: "evil", base: "main", fromFork: true });
    await say(mallory, alpha, opened, "stranger: build", "/build");
    return { strange: head, number: opened };
  });
  await completed(alpha, strange, [/lint/, /approval/]);
  const answer = () => github.reads.comments(alpha, number).find((one) => one.author === "flibs[bot]");
  await until("the answer to the stranger", async () => answer(), patienceMs);

  await stage(() => say(alice, alpha, number, "stranger: approval", `/ok-to-test ${strange}`));
  await completed(alpha, strange, [/approval/, ...builtChecks]);
  await isBuilt(strange);

  const [again, merges] = await stage(async () => {
    const head = note(alpha, "stranger 2", await mallory.push(fork, "evil", { "root/extra": "2\n" }));
    await say(alice, alpha, number, "stranger: approval of the old commit", `/ok-to-test ${strange}`);
    // A pull request that nobody goes on with.
    const gamma = repositoryOf("gamma");
    note(gamma, "gamma given up", await bob.push(gamma, "given-up", { "root/given-up": "1\n" }));
    await bob.closePull(gamma, await bob.openPull(gamma, { head: "given-up" }));
    const merged: [string, string][] = [];
    for (const name of names) {
      const commit = await alice.merge(repositoryOf(name), pulls.get(name) ?? 0);
      merged.push([name, note(repositoryOf(name), `${name} merged`, commit)]);
      await alice.deleteBranch(repositoryOf(name), "topic");
    }
    return [head, merged];
  });
  await completed(alpha, again, [/lint/, /approval/]);
  for (const [name, commit] of merges) await completed(repositoryOf(name), commit, [...builtChecks, /promotion/]);

  const promotions = await until(
    "the promotions",
    async () => {
      const open = github.reads.pulls(manifests).filter((one) => one.state === "open");
      return open.length === names.length ? open : undefined;
    },
    patienceMs,
  );
  const judged: Record<string, string> = {};
  for (const { headSha, title } of promotions) {
    note(manifests, `head of "${title}"`, headSha);
    const check = (await completedChecks(github, manifests, headSha, [/promotion/], patienceMs)).get("flibs / promotion");
    judged[title] = `${check?.conclusion}: ${check?.title}`;
  }

  const released = await stage(async () => {
    const merged: string[] = [];
    for (const one of promotions) {
      merged.push(note(manifests, `merge of "${one.title}"`, await rel.merge(manifests, one.number, "squash")));
    }
    return merged;
  });
  for (const commit of released) await completed(manifests, commit, [/release/]);
  return { commits, settled, comments, promotions: judged };
}
