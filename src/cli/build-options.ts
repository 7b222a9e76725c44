import type { Command } from "commander";
import type { BuildOptions, BuildRequested } from "../builds/build-record.ts";
import { appError } from "../domain/errors.ts";
import { architectures, findArchitecture } from "../domain/platform.ts";
import { parseScmUrl, type ScmUrl } from "./scm-url.ts";

/** What to build: the clone that one stands in, a repository by its name, or an address as Koji's client takes it. */
export type WantedSource =
  | { readonly kind: "here" }
  | { readonly kind: "named"; readonly repository: string }
  | { readonly kind: "scm"; readonly url: ScmUrl };

/** A command line of `container-build`, understood and checked as far as can be without asking anybody. */
export interface WantedBuild {
  readonly source: WantedSource;
  readonly branch?: string;
  readonly commit?: string;
  readonly asked: Pick<BuildRequested, "scratch" | "architectures"> & BuildOptions;
  readonly wait: boolean;
  readonly quiet: boolean;
  readonly json: boolean;
  /** What was accepted and changes nothing, a line each. */
  readonly notes: readonly string[];
}

/** As commander gives them. */
export interface ContainerBuildOptions {
  readonly branch?: string;
  readonly gitBranch?: string;
  readonly commit?: string;
  readonly target?: string;
  readonly scratch: boolean;
  readonly isolated: boolean;
  readonly release?: string;
  readonly buildRelease?: string;
  readonly arches?: readonly string[];
  readonly archOverride?: readonly string[];
  readonly repoUrl?: readonly string[];
  readonly kojiParentBuild?: string;
  readonly userdata?: string;
  readonly nowait: boolean;
  readonly wait: boolean;
  readonly quiet: boolean;
  readonly background: boolean;
  readonly json: boolean;
  readonly composeId?: readonly string[];
  readonly signingIntent?: string;
  readonly replaceDependency?: readonly string[];
  readonly operatorCsvModificationsUrl?: string;
  readonly channelOverride?: string;
  readonly skipBuild: boolean;
  readonly skipRemoteRulesValidation: boolean;
}

/** The options of `fedpkg container-build` and `koji container-build`, and our own. */
export function addBuildOptions(command: Command): Command {
  const collect = (value: string, before: readonly string[] | undefined) => [...(before ?? []), value];
  return command
    .option("--branch <name>", "branch to build; main when a repository is named, that of the clone in a clone")
    .option("--git-branch <name>", "the same, as Koji's client calls it")
    .option("--commit <id>", "commit to build; the branch's head when left out")
    .option("--target <name>", "build target; that of the branch when left out")
    .option("--scratch", "stop after the tests: no NVR, no promotion", false)
    .option("--isolated", "a fix beside the line of releases: needs --build-release, moves no floating tag", false)
    .option("--build-release <release>", "release of the build, in place of the label's or the next one")
    .option("--release <release>", "the same, as Koji's client calls it")
    .option("--arches <arch...>", "build for these architectures only; with --scratch or --isolated")
    .option("--arch-override <arches>", "the same as one word, parted by commas or blanks; may be repeated", collect)
    .option("--repo-url <url...>", "address of a yum repository file to install from while building; may be repeated")
    .option("--koji-parent-build <nvr>", "use the image of this build in place of the last FROM")
    .option("--userdata <json>", "a JSON dictionary that is kept with the build")
    .option("--nowait", "print the build's id and go", false)
    .option("--wait", "watch the build to its end, which is done anyway", false)
    .option("--quiet", "say only how the build ended", false)
    .option("--background", "accepted, changes nothing: repositories take turns anyway", false)
    .option("--json", "print the build as JSON when it has ended (or at once with --nowait)", false)
    .option("--compose-id <id...>", "refused: needs a compose service")
    .option("--signing-intent <name>", "refused: needs a compose service")
    .option("--replace-dependency <dependency...>", "refused: needs a service for remote sources")
    .option("--operator-csv-modifications-url <url>", "refused: operator manifests are not changed here")
    .option("--channel-override <name>", "refused: there are no channels here")
    .option("--skip-build", "refused: every build is built", false)
    .option("--skip-remote-rules-validation", "accepted, changes nothing: there are no remote rules here", false);
}

/** The checks of Koji's client, in its order and its words, then our own. Throws `cli.usage`. */
export function readBuildOptions(args: readonly string[], options: ContainerBuildOptions): WantedBuild {
  const { scratch, isolated } = options;
  // An option that takes several values takes what stands behind them, too: what is no address of a repository file was meant otherwise.
  const given = options.repoUrl ?? [];
  const repositories = given.filter(isRepositoryFile);
  const words = [...args, ...given.filter((word) => !isRepositoryFile(word))];
  const source = readSource(words);
  const named = readArchitectures([...(options.arches ?? []), ...(options.archOverride ?? [])]);
  if (named.length > 0 && !scratch && !isolated) throw usage("--arch-override is only allowed for --scratch or --isolated builds");
  if (options.signingIntent !== undefined && options.composeId !== undefined)
    throw usage("--signing-intent cannot be used with --compose-id");
  const branch = onlyOne("--branch and --git-branch", options.branch, options.gitBranch);
  if (source.kind === "scm" && branch === undefined) throw usage("git-branch must be specified", "Add --git-branch <name>");
  if (isolated && scratch) throw usage("Build cannot be both isolated and scratch");
  refuseUnknownServices(options);
  if (options.wait && options.nowait) throw usage("--wait and --nowait exclude each other");
  if (source.kind === "scm" && options.commit !== undefined)
    throw usage("--commit cannot be used with a scm URL, which names the commit", "Write it behind the # of the URL");
  const release = onlyOne("--build-release and --release", options.buildRelease, options.release);
  // On the first argument of Koji's client stands the target.
  const target = onlyOne("the target and --target", words.length === 2 ? words[0] : undefined, options.target);
  const userdata = readUserdata(options.userdata);
  return {
    source,
    ...(branch === undefined ? {} : { branch }),
    ...(options.commit === undefined ? {} : { commit: options.commit }),
    asked: {
      scratch,
      ...(isolated ? { isolated } : {}),
      ...(release === undefined ? {} : { release }),
      ...(named.length === 0 ? {} : { architectures: named }),
      ...(repositories.length === 0 ? {} : { yumRepositories: repositories }),
      ...(options.kojiParentBuild === undefined ? {} : { parentBuild: options.kojiParentBuild }),
      ...(target === undefined ? {} : { target }),
      ...(userdata === undefined ? {} : { userdata }),
    },
    ...{ wait: !options.nowait, quiet: options.quiet, json: options.json },
    notes: [
      ...(options.background ? ["--background changes nothing: repositories take turns anyway"] : []),
      ...(options.skipRemoteRulesValidation ? ["--skip-remote-rules-validation changes nothing: there are no remote rules here"] : []),
    ],
  };
}

function readSource(words: readonly string[]): WantedSource {
  const [first, second, ...more] = words;
  if (first === undefined) return { kind: "here" };
  if (more.length > 0) {
    throw usage(
      "Exactly two arguments (a build target and a SCM URL) are required",
      "Give a repository alone, a target and a scm URL, or nothing in a clone",
    );
  }
  if (second !== undefined) return { kind: "scm", url: parseScmUrl(second) };
  return first.includes("://") || first.includes("#") ? { kind: "scm", url: parseScmUrl(first) } : { kind: "named", repository: first };
}

function isRepositoryFile(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text) && !text.includes("#");
}

/** Commas and blanks part them, in one word or several; each counts once. */
function readArchitectures(words: readonly string[]): readonly string[] {
  const named = [...new Set(words.flatMap((word) => word.split(/[\s,]+/)).filter((word) => word !== ""))];
  if (words.length > 0 && named.length === 0) throw usage("no architecture is named");
  const wrong = named.find((word) => findArchitecture(word) === undefined && !word.includes("/"));
  if (wrong === undefined) return named;
  throw usage(
    `"${wrong.slice(0, 100)}" is no architecture`,
    `There is ${architectures.join(", ")}; what names the repository stands before --arches`,
  );
}

/** What would have to be done by a service that flibs has not. */
function refuseUnknownServices(options: ContainerBuildOptions): void {
  const composes = "Give the addresses of repository files instead: --repo-url";
  if (options.composeId !== undefined) throw usage("--compose-id needs a compose service (ODCS), which flibs does not have", composes);
  if (options.signingIntent !== undefined)
    throw usage("--signing-intent needs a compose service (ODCS), which flibs does not have", composes);
  if (options.replaceDependency !== undefined) {
    throw usage(
      "--replace-dependency needs a service for remote sources (Cachito, Hermeto), which flibs does not have",
      "Change the dependency in the repository",
    );
  }
  if (options.operatorCsvModificationsUrl !== undefined) {
    throw usage(
      "--operator-csv-modifications-url changes operator manifests, which flibs does not do",
      "Change the manifests in the repository",
    );
  }
  if (options.channelOverride !== undefined) throw usage("--channel-override names a Koji channel, which flibs does not have");
  if (options.skipBuild) throw usage("--skip-build is not there any more, as in OSBS: every build is built");
}

function readUserdata(text: string | undefined): Readonly<Record<string, unknown>> | undefined {
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw usage("--userdata is not a JSON dictionary", `Write for example --userdata '{"ticket": 7}'`);
}

function onlyOne(names: string, one: string | undefined, other: string | undefined): string | undefined {
  if (one !== undefined && other !== undefined && one !== other) throw usage(`${names} say different things`, "Give one of them");
  return one ?? other;
}

function usage(message: string, hint?: string): Error {
  return appError("cli.usage", message, hint === undefined ? {} : { hint });
}
