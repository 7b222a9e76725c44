import type { App } from "../../src/app.ts";
import type { BuildRecord } from "../../src/builds/build-record.ts";
import { formatNvr } from "../../src/domain/nvr.ts";
import type { Github } from "../fakes/github/github.ts";
import type { GithubInstallation } from "../support/github-installation.ts";
import { verifyTag } from "../support/verify-tag.ts";
import { imageOf, names, repositoryOf, type Told } from "./story.ts";

/**
 * Everything that people and machines find once all is done, as JSON that is the same for the same story. Ids, times, digests, ports and run names
 * are different each time and stand as words; commits and builds have the names that the story gives them.
 */
export async function readEndState(world: GithubInstallation, app: App, told: Told) {
  const { github, settings } = world;
  const manifests = settings.manifests.repository;
  const builds = await app.store.builds.list({ limit: 200 });
  const words = wordsOf(world, told, github.reads.pulls(manifests));
  const content = contentOf(builds, told);
  const sorted = <T>(list: readonly T[]) =>
    list
      .map((one) => [JSON.stringify(one), one] as const)
      .toSorted(byText)
      .map(([, one]) => one);
  const repositories = [...names.map(repositoryOf), manifests];
  return {
    checks: Object.fromEntries(
      [...told.settled].map((commit) => {
        const { repository = "", label = "" } = told.commits.get(commit) ?? {};
        return [label, checksOf(github, repository, commit, words)];
      }),
    ),
    promotionsBefore: told.promotions,
    pulls: sorted(repositories.flatMap((repository) => pullsOf(github, repository, words))),
    reactions: Object.fromEntries(
      [...told.comments].map(([id, label]) => [label, github.reads.reactions(id).map(({ author, content: face }) => `${author} ${face}`)]),
    ),
    branches: Object.fromEntries(
      await Promise.all(repositories.map(async (repository) => [repository, (await github.reads.branches(repository)).toSorted()])),
    ),
    candidate: await tagsOf(app, "candidate", imagesOf(builds), content, words),
    production: await tagsOf(app, "production", names.map(imageOf), content, words),
    builds: sorted(builds.map((build) => ({ ...builtOf(build), content: content(build.digest) }))),
    releases: sorted(
      // How often there was nothing to do depends on how many merges one look at main found.
      (await app.store.releases.listReports({ limit: 100 }))
        .filter(({ outcome }) => outcome !== "nothing-to-do")
        .map(({ imageRepository, outcome, lines }) => ({
          ...{ imageRepository, outcome },
          lines: lines.map(({ tag, digest, what }) => ({ tag, what, content: content(digest) })),
        })),
    ),
  };
}

type Words = (text: string | null) => string;
const byText = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => (a < b ? -1 : 1);

function wordsOf(world: GithubInstallation, told: Told, promotions: ReturnType<Github["reads"]["pulls"]>): Words {
  const { registries, web, manifests } = world.settings;
  const replaced: [string | RegExp, string][] = [
    [registries.candidate.endpoint, "<candidate>"],
    [registries.production?.endpoint ?? "", "<production>"],
    [web.listen, "<flibs>"],
    [world.github.url, "<github>"],
  ];
  for (const [commit, { label }] of told.commits) {
    for (const id of [commit, commit.slice(0, 12)]) replaced.push([id, `<${label}>`]);
  }
  for (const { number, headRef } of promotions)
    replaced.push([new RegExp(`${manifests.repository}( ?#|/pull/)${number}\\b`, "g"), `<${headRef}>`]);
  replaced.push(
    [/\b\d{8}-[0-9a-z]{7}\b/g, "<run>"],
    [/\bsha256:[0-9a-f]{64}\b/g, "<digest>"],
    // A unique tag: random number and time.
    [/-\d{1,5}-\d{14}\b/g, "-<unique>"],
    // Made of the id of the comment that is answered.
    [/^<!-- flibs:[0-9a-f]{32} -->/g, "<!-- flibs -->"],
    // The table of a release. How much was copied, mounted and signed is told by who did it last: after a death the half that was done is there.
    [/^\| (`[^`]+` \| [a-z-]+) \| `[0-9a-f]{12}` \| [^|]* \|/gm, "| $1 | <digest> | |"],
    // Merges that follow each other closely are released together or one by one, as their deliveries come.
    [/^Read at `[^`]+`/gm, "Read at <one of the merges>"],
  );
  return (text) => replaced.reduce((now, [from, to]) => now.replaceAll(from, to), text ?? "");
}

/** What stands behind a digest: the NVR of its build, or the commit of a scratch build. */
function contentOf(builds: readonly BuildRecord[], told: Told): (digest: string | undefined) => string {
  const known = new Map<string, string>();
  for (const build of builds) {
    const name = build.nvr ? formatNvr(build.nvr) : `scratch ${told.commits.get(build.commit)?.label}`;
    if (build.digest) known.set(build.digest, name);
    for (const image of build.images) if (image.digest) known.set(image.digest, `${name} ${image.platform}`);
  }
  return (digest) => known.get(digest ?? "") ?? `nothing known: ${digest}`;
}

/** The newest of each name: a second look at the same commit, when main has moved or somebody approved, says the same once more or not. */
function checksOf({ reads }: Github, repository: string, commit: string, words: Words) {
  return reads.runs(repository, commit).map(({ name, status, conclusion, title, annotations }) => ({
    ...{ name, status, conclusion, title: words(title), annotations: annotations.length },
  }));
}

function pullsOf({ reads }: Github, repository: string, words: Words) {
  return reads.pulls(repository).map(({ title, author, state, mergedBy, headRef, number }) => ({
    ...{ repository, title, author, state, mergedBy, headRef },
    comments: reads.comments(repository, number).map((one) => ({ author: one.author, text: words(one.body) })),
  }));
}

function imagesOf(builds: readonly BuildRecord[]): readonly string[] {
  return [...new Set(builds.flatMap(({ plan }) => (plan ? [plan.imageRepository] : [])))].toSorted();
}

async function tagsOf(
  app: App,
  stage: "candidate" | "production",
  images: readonly string[],
  content: (digest: string | undefined) => string,
  words: Words,
) {
  const found: Record<string, unknown> = {};
  for (const image of images) {
    const registry = app.registries.named(stage);
    const tags = await registry.listTags(image);
    // Tags of what is attached have digests of the hour in their names; what it is stands with the image.
    for (const tag of tags.filter((one) => !one.startsWith("sha256-")).toSorted()) {
      const digest = (await registry.findManifest(image, tag))?.digest;
      const attached = digest === undefined ? [] : await registry.listReferrers(image, digest);
      const types = new Set(attached.map((one) => one.annotations?.["dev.sigstore.bundle.predicateType"] ?? one.artifactType));
      const isSigned = stage === "candidate" ? undefined : (await verifyTag(app, stage, image, tag)).ok;
      found[`${image}:${words(tag)} ${content(digest)}`] = [isSigned ?? "there", ...[...types].toSorted()].join(" ");
    }
  }
  return found;
}

function builtOf({ repository, branch, scratch, pull, state, nvr, plan, tests, stranger, error }: BuildRecord) {
  return {
    // Who asked is not among them: of a push that only a sweep found nobody knows who pushed.
    ...{ repository, branch, scratch, pull, state, isStrange: stranger !== undefined, error: error?.code },
    ...{ nvr: nvr && formatNvr(nvr), image: plan?.imageRepository, tests: tests.map(({ suite, outcome }) => `${suite} ${outcome}`) },
  };
}
