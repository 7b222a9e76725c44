/**
 * Every error flibs can tell somebody about. The kind says who has to act:
 *
 * - `input`: the maintainer's files or command are wrong (never retried, told where the person looks)
 * - `denied`: not allowed (never retried, names who may)
 * - `stale`: superseded, closed, moved on (never retried, hardly told)
 * - `transient`: network, 5xx, engine busy (retried with a budget)
 * - `internal`: a broken promise of ours or a peer's (operators look at the run)
 */
export type ErrorKind = "input" | "denied" | "stale" | "transient" | "internal";

/** One entry a code, room first. `docs/reference/errors.md` is made from this table. */
export const errorCatalogue = {
  // domain
  "domain.digest-invalid": { kind: "input", meaning: "A digest is not `sha256:` and 64 lower-case hexadecimal digits" },
  "domain.reference-invalid": { kind: "input", meaning: "An image reference does not follow the distribution grammar" },
  "domain.nvr-invalid": { kind: "input", meaning: "A name-version-release has a part that Koji would refuse" },
  "domain.tag-invalid": { kind: "input", meaning: "A tag does not follow the distribution grammar or is longer than 128 characters" },
  // koji
  "koji.metadata-invalid": { kind: "internal", meaning: "Metadata that flibs made for Koji is not what a hub takes" },
  // cli
  "cli.usage": { kind: "input", meaning: "A command was called with a word or option that it does not take" },
  "cli.not-found": { kind: "input", meaning: "What a command was asked about does not exist" },
  "cli.checks-missing": { kind: "denied", meaning: "A promotion is not merged before its checks have succeeded" },
  "cli.working-copy": { kind: "input", meaning: "The directory is not a clean, pushed clone that tells what to build" },
  "cli.given-up": { kind: "stale", meaning: "A command that waited for a person was stopped, or waited too long" },
  "cli.file-exists": { kind: "input", meaning: "A command would have to write over a file that is there" },
  "cli.secrets-not-stored": {
    kind: "internal",
    meaning: "Secrets that come only once could not be written where they belong; the message says where they are instead",
  },
  "cli.proposal-failed": { kind: "input", meaning: "A promotion, roll-back or withdrawal that a command asked for could not be proposed" },
  "cli.not-running": { kind: "transient", meaning: "A command needs the service, and none runs on this state directory" },
  // config
  "config.invalid": { kind: "input", meaning: "The settings file has an unknown key, a missing value or a value of the wrong type" },
  "config.unreadable": { kind: "input", meaning: "The settings file, or a file that a secret is read from, cannot be read" },
  // workflow
  "workflow.step-repeated": { kind: "internal", meaning: "A flow used one step name twice in a run" },
  "workflow.journal-unreadable": { kind: "internal", meaning: "A recorded step result does not fit the schema of this release" },
  "workflow.lease-lost": { kind: "transient", meaning: "Another worker took the run over" },
  "workflow.cancelled": { kind: "stale", meaning: "A person cancelled the run, or a newer one took its place" },
  "workflow.flow-unknown": { kind: "internal", meaning: "A run was asked for of a flow that this release does not have" },
  "workflow.intent-invalid": { kind: "internal", meaning: "A run's intent does not fit the schema of its flow" },
  // store
  "store.unavailable": { kind: "transient", meaning: "PostgreSQL did not answer, is starting or stopping, or had no room" },
  "store.schema-newer": { kind: "input", meaning: "A newer release of flibs has changed the database" },
  "store.nvr-taken": { kind: "input", meaning: "Another build has the name-version-release, and the release cannot be raised" },
  "store.postgres-failed": { kind: "internal", meaning: "The embedded PostgreSQL did not start or stop" },
  "store.postgres-user-missing": { kind: "input", meaning: "flibs runs as root and there is no unprivileged user for PostgreSQL" },
  // distgit
  "distgit.dockerfile-missing": { kind: "input", meaning: "The repository has no Dockerfile at its root" },
  "distgit.dockerfile-syntax": { kind: "input", meaning: "The Dockerfile has a line that Docker would refuse" },
  "distgit.dockerfile-ambiguous": {
    kind: "input",
    meaning: "A line of the Dockerfile can be read in two ways, so nobody can tell what would be built",
  },
  "distgit.dockerfile-unsupported": {
    kind: "input",
    meaning: "The Dockerfile uses what the classic builder does not have, or an image that can't be checked",
  },
  "distgit.parent-floating": { kind: "input", meaning: "FROM names no release of the base image (a warning)" },
  "distgit.label-missing": { kind: "input", meaning: "A required label is missing or empty" },
  "distgit.label-invalid": { kind: "input", meaning: "A label's value breaks a rule of Koji or of the registry" },
  "distgit.variable-undefined": { kind: "input", meaning: "A label or FROM uses a variable that nothing defines" },
  "distgit.link-outside": { kind: "input", meaning: "A symbolic link leads out of the repository, or stands where a file is read" },
  "distgit.container-yaml-name": { kind: "input", meaning: "The file that should be container.yaml has another name" },
  "distgit.container-yaml-invalid": { kind: "input", meaning: "container.yaml has an unknown key or a wrong value" },
  "distgit.container-yaml-unserved": {
    kind: "input",
    meaning: "A key of container.yaml asks for something that flibs does not do (a warning)",
  },
  "distgit.file-unserved": { kind: "input", meaning: "A file asks for something that flibs does not do (a warning)" },
  "distgit.content-sets-name": { kind: "input", meaning: "The file that should be content_sets.yml has another name" },
  "distgit.content-sets-invalid": { kind: "input", meaning: "content_sets.yml has a wrong value" },
  "distgit.additional-tags": { kind: "input", meaning: "additional-tags is out of date, or has a line that is no tag (a warning)" },
  "distgit.help-invalid": { kind: "input", meaning: "help.md is too long or no text" },
  "distgit.sources-invalid": {
    kind: "input",
    meaning: "sources has a line that names no file and checksum, or a file that must not be put there",
  },
  "distgit.label-overruled": { kind: "input", meaning: "A label is set in two ways, of which one counts (a warning)" },
  "distgit.limit-cut": { kind: "input", meaning: "container.yaml asks for more time than the site allows (a warning)" },
  "distgit.tests-invalid": {
    kind: "input",
    meaning: "A file below tests/ that declares suites has an unknown key or a wrong value, or cannot be a suite",
  },
  "distgit.invalid-gating-yaml": { kind: "input", meaning: "gating.yaml is no list of policies that flibs can hold a build to" },
  "distgit.gating-unused": { kind: "input", meaning: "No policy of gating.yaml is for what flibs asks about (a warning)" },
  // builds
  "builds.parent-short-name": { kind: "input", meaning: "FROM names an image without its registry" },
  "builds.parent-not-allowed": { kind: "input", meaning: "FROM names an image of a registry that is not on the operator's list" },
  "builds.parent-unknown": { kind: "input", meaning: "No registry that stands for it has the image that FROM names" },
  "builds.parent-platform": { kind: "input", meaning: "The image that FROM names is not there for a platform of the build" },
  "builds.parent-no-list": { kind: "input", meaning: "The image that FROM names is no manifest list (a warning)" },
  "builds.parent-differs": { kind: "input", meaning: "The image that FROM names says that it is a build made here, but is another image" },
  "builds.parent-gone": { kind: "input", meaning: "A base image vanished between the plan and the build" },
  "builds.parent-build": { kind: "input", meaning: "The build whose image was to take the place of the base image cannot do so" },
  "builds.parent-unreadable": { kind: "input", meaning: "The image that FROM names can't be understood" },
  "builds.download-refused": { kind: "denied", meaning: "A build wants a file from an address that flibs does not ask" },
  "builds.download-missing": { kind: "input", meaning: "A file that a build wants is not at its address, or not for everybody" },
  "builds.download-too-large": { kind: "input", meaning: "A file that a build wants is larger than the limit" },
  "builds.download-failed": { kind: "transient", meaning: "A server did not answer, broke off, or has a fault of its own" },
  "builds.sources-unavailable": { kind: "input", meaning: "sources lists files, and the settings name no lookaside cache" },
  "builds.source-differs": { kind: "input", meaning: "A file of the lookaside cache has another checksum than sources says" },
  "builds.repository-invalid": { kind: "input", meaning: "What was fetched as a yum repository file is none" },
  "builds.no-platform": { kind: "input", meaning: "container.yaml leaves no platform that the engine serves" },
  "builds.architecture-unknown": {
    kind: "input",
    meaning: "A build was asked for on an architecture that its repository is not built for",
  },
  "builds.scratch-only": {
    kind: "input",
    meaning: "Something that only a scratch build may have was asked of a build that would be promoted",
  },
  "builds.request-invalid": { kind: "input", meaning: "A build was asked for with options that do not go together, or that are not right" },
  "builds.option-denied": {
    kind: "denied",
    meaning: "A build of a pull request that nobody vouches for was asked for with an option that is not for such",
  },
  "builds.target-unknown": { kind: "input", meaning: "A build names a target that the settings do not have" },
  "builds.target-locked": { kind: "denied", meaning: "The destination tag of a build's target takes no builds" },
  "builds.pull-moved": { kind: "stale", meaning: "The pull request is merged, closed, or has a newer commit" },
  "builds.unknown": { kind: "input", meaning: "There is no such build" },
  "builds.not-tested": { kind: "input", meaning: "A build's tests can't be run again: it is not complete, or it has none" },
  "builds.suite-unknown": { kind: "input", meaning: "A test suite was named that the build does not have" },
  "builds.image-gone": { kind: "input", meaning: "The image of a build is no longer in the candidate registry" },
  "builds.tag-invalid": { kind: "input", meaning: "A floating tag is not a tag, or names a label that is not there" },
  "builds.tag-exists": { kind: "input", meaning: "A tag that never moves names another image in the candidate registry already" },
  "builds.name-taken": { kind: "denied", meaning: "The component or image name in the labels belongs to another repository" },
  "builds.nvr-exists": { kind: "input", meaning: "The release given by a label was built already" },
  "builds.build-failed": { kind: "input", meaning: "An instruction of the Dockerfile failed" },
  "builds.components-differ": {
    kind: "input",
    meaning: "A package has another version, release or signature on one platform than on another",
  },
  "builds.image-too-large": { kind: "input", meaning: "An image has more bytes than allowed" },
  "builds.timed-out": { kind: "input", meaning: "A build or test took longer than allowed" },
  "builds.log-too-large": { kind: "input", meaning: "A build or test printed more than allowed" },
  "builds.disk-limit": { kind: "input", meaning: "A build wrote more on its engine's disk than allowed" },
  "builds.tests-failed": { kind: "input", meaning: "A required test failed or could not be carried out" },
  "builds.runner-unknown": { kind: "input", meaning: "No runner takes tests of this kind" },
  "builds.workspace": { kind: "internal", meaning: "A working copy was asked for by something that is no run" },
  "builds.pushed-differs": { kind: "internal", meaning: "The registry has another image than the one that was built" },
  // gating
  "gating.program-missing": { kind: "input", meaning: "A program that test suites need is not installed where flibs runs" },
  "gating.workspace-open": { kind: "input", meaning: "Closed workspaces for test suites cannot be made on this machine" },
  // registry
  "registry.unknown": { kind: "input", meaning: "A registry name is not in the settings" },
  "registry.unreachable": {
    kind: "transient",
    meaning: "A registry or its token server did not answer, answered 429 or 5xx, or broke off, after all retries",
  },
  "registry.denied": { kind: "denied", meaning: "A registry refused the credential, or the credential may not do this" },
  "registry.manifest-unknown": { kind: "input", meaning: "A manifest that was asked for is not in the registry" },
  "registry.manifest-invalid": {
    kind: "input",
    meaning: "What stands in the registry is no image manifest or index, or one nested too deeply or too wide",
  },
  "registry.blob-unknown": { kind: "input", meaning: "A layer or configuration that was asked for is not in the registry" },
  "registry.blob-too-large": { kind: "input", meaning: "A configuration is larger than what flibs reads into memory" },
  "registry.digest-mismatch": {
    kind: "internal",
    meaning: "Bytes from or in a registry are not the ones that their digest or length promises",
  },
  "registry.answer-invalid": {
    kind: "internal",
    meaning: "A registry answered with something that the distribution protocol does not know",
  },
  "registry.refused": { kind: "internal", meaning: "A registry refused a request with an error of its own, for example an immutable tag" },
  "registry.referrers-contended": {
    kind: "transient",
    meaning: "The list of what is attached to an image is changed by another program all the time",
  },
  // gating
  "gating.resultsdb-unavailable": { kind: "transient", meaning: "ResultsDB did not answer, or answered 429 or 5xx" },
  "gating.resultsdb-refused": { kind: "internal", meaning: "ResultsDB refused a result; it is not sent again" },
  // signing
  "signing.key-missing": { kind: "input", meaning: "The key that the settings name is not there, or only its public part" },
  "signing.key-unusable": {
    kind: "input",
    meaning: "The signing key is a subkey, revoked, unreadable, or of an algorithm that clients refuse",
  },
  "signing.key-expired": { kind: "input", meaning: "The signing key has expired" },
  "signing.signer-unavailable": { kind: "transient", meaning: "gpg, its agent or the card did not answer, or the key is locked" },
  "signing.lookaside-unwritable": { kind: "transient", meaning: "A signature could not be written to the lookaside directory" },
  "signing.lookaside-unreadable": {
    kind: "transient",
    meaning: "A lookaside answered with something else than a signature or a clean absent",
  },
  "signing.lookaside-full": { kind: "internal", meaning: "One digest has 128 signatures of a kind already, clients read no more" },
  "signing.signature-bad": { kind: "internal", meaning: "A signature that was just made is not valid, and was not written" },
  "signing.sig-unreadable": { kind: "input", meaning: "What stands at an image's .sig tag is no manifest of cosign signatures" },
  "signing.sig-lost": { kind: "transient", meaning: "Cosign signatures were overwritten by somebody else, again and again" },
  "signing.request-refused": {
    kind: "denied",
    meaning: "A signer was asked to sign what its branch of the registry-manifest repository does not say",
  },
  "signing.payload-invalid": { kind: "input", meaning: "A signature's text is not what the atomic signature format demands" },
  "signing.index-unreadable": { kind: "input", meaning: "A manifest list in the registry is nested too deeply or has too many entries" },
  "signing.attestation-unreadable": { kind: "input", meaning: "What is attached to an image is no statement that flibs can read" },
  "signing.stages-collide": {
    kind: "input",
    meaning: "Two registries have the same public name, so their signatures could not be told apart",
  },
  // gating
  "gating.policy-invalid": { kind: "input", meaning: "A file of the operators' policies has a fault, or cannot be read" },
  "gating.waiver-invalid": { kind: "input", meaning: "A waiver has no reason, one that is too long, or an end that cannot be" },
  "gating.not-required": { kind: "input", meaning: "A test was to be waived that the gate of the build does not ask for" },
  "gating.nothing-waived": { kind: "input", meaning: "A waiver was to be taken back, and there is none that counts" },
  "gating.build-unfit": {
    kind: "input",
    meaning:
      "Nothing can be waived for a build that failed, was cancelled, has no name yet, or, unless it is named, whose tests have not ended",
  },
  "gating.greenwave-unavailable": { kind: "transient", meaning: "The site's Greenwave did not answer, or has a fault of its own" },
  "gating.greenwave-answer": { kind: "internal", meaning: "The site's Greenwave refused the question, or answered what is no decision" },
  // promotion
  "promotion.policy-invalid": { kind: "input", meaning: "policy.yaml of the registry-manifest repository is missing or has a fault" },
  "promotion.file-invalid": { kind: "input", meaning: "A file below images/ of the registry-manifest repository has a fault" },
  "promotion.checkout-unreadable": {
    kind: "input",
    meaning: "A directory is in no clone of a registry-manifest repository, or the clone lacks a commit that is compared with",
  },
  "promotion.image-unreadable": { kind: "input", meaning: "What stands behind a digest is no image, or one nested too deeply" },
  "promotion.build-unfit": { kind: "input", meaning: "A build cannot be promoted: not complete, a scratch build, or without a digest" },
  "promotion.tag-taken": { kind: "input", meaning: "The release tag of a build is taken by another digest already" },
  "promotion.image-unknown": { kind: "input", meaning: "The registry-manifest repository has no file for an image" },
  "promotion.release-unknown": { kind: "input", meaning: "An image was never released under a tag that somebody wants to go back to" },
  "promotion.release-withdrawn": { kind: "input", meaning: "Somebody wants to go back to a release that nobody may use any more" },
  "promotion.nothing-to-roll-back": { kind: "input", meaning: "No floating tag would move, or there is no release to move back to" },
  "promotion.already-withdrawn": { kind: "input", meaning: "Somebody wants to withdraw a release that is withdrawn" },
  "promotion.scan-failed": { kind: "input", meaning: "The site's scanner for vulnerabilities failed, or printed what flibs cannot read" },
  "promotion.no-drift": { kind: "input", meaning: "Somebody accepts that a tag was moved, and it was not" },
  "promotion.base-moves": { kind: "transient", meaning: "The main branch moved on each time a promotion was computed" },
  "promotion.main-moved": { kind: "stale", meaning: "A release was under way when main took back or changed what it was to do" },
  "promotion.branches-taken": { kind: "input", meaning: "People own all branches that a promotion could be proposed on" },
  "promotion.release-incomplete": { kind: "input", meaning: "A release could not do everything the registry manifest asks for" },
  // engine
  "engine.unreachable": { kind: "transient", meaning: "The engine does not answer, is shutting down, or broke off in the middle" },
  "engine.out-of-date": { kind: "internal", meaning: "The engine's API is older than flibs needs" },
  "engine.refused": { kind: "internal", meaning: "The engine refused a request that flibs takes for right" },
  "engine.limits-unavailable": {
    kind: "internal",
    meaning: "The engine cannot hold a build to its limits, so the build was stopped",
  },
  "engine.disk-full": { kind: "transient", meaning: "The engine has no space left for images" },
  "engine.platform-unsupported": { kind: "input", meaning: "No engine builds for this platform" },
  "engine.unknown": { kind: "internal", meaning: "A build was begun on an engine that is not in the settings any more" },
  "engine.key-invalid": { kind: "internal", meaning: "A key is too long for the names of images and containers" },
  "engine.image-missing": { kind: "internal", meaning: "An image is no longer on the engine that built it" },
  "engine.pull-failed": { kind: "transient", meaning: "An image could not be pulled from its registry" },
  "engine.pull-denied": { kind: "input", meaning: "The registry does not have the image, or does not let the engine read it" },
  "engine.push-failed": { kind: "transient", meaning: "An image could not be pushed to its registry" },
  "engine.push-denied": { kind: "denied", meaning: "The registry does not let the engine push there" },
  "engine.context-too-large": { kind: "input", meaning: "The files of a build or test are larger than the limit" },
  "engine.dockerignore-invalid": { kind: "input", meaning: "A line of .dockerignore is no pattern" },
  "engine.file-too-large": { kind: "input", meaning: "Files read from an image are larger than the limit" },
  "engine.network-open": { kind: "internal", meaning: "The build network is not closed as the settings say, so nothing is built" },
  "engine.network-unknown": { kind: "internal", meaning: "Whether the build network is closed can't be told, so nothing is built" },
  "engine.network-not-permitted": { kind: "denied", meaning: "flibs may not look at or change the machine's network; root may" },
  "engine.network-taken": { kind: "input", meaning: "Something else on the machine has the bridge, subnet or port of the build network" },
  "engine.network-failed": { kind: "internal", meaning: "A program that sets up or tries the build network failed" },
  // forge
  "forge.name-invalid": {
    kind: "input",
    meaning: "A repository, branch, path or person has a name that git or a path would read otherwise",
  },
  "forge.repository-unknown": { kind: "input", meaning: "The forge has no such repository" },
  "forge.commit-unknown": { kind: "input", meaning: "The repository has no such commit" },
  "forge.branch-unknown": { kind: "input", meaning: "The repository has no such branch" },
  "forge.branch-blocked": { kind: "input", meaning: "A branch cannot be made because another has the beginning of its name" },
  "forge.tree-too-large": { kind: "input", meaning: "The files of a commit are larger than the limit" },
  "forge.tree-unsafe": { kind: "input", meaning: "A commit has a path that must not be written to a disk" },
  "forge.checkout-occupied": { kind: "internal", meaning: "The directory for a checkout holds something else already" },
  "forge.pull-unknown": { kind: "input", meaning: "The repository has no such pull request" },
  "forge.pull-unmergeable": { kind: "input", meaning: "A pull request conflicts with its base branch, or has nothing to merge" },
  "forge.pull-closed": { kind: "input", meaning: "A pull request is merged or closed already" },
  "forge.pull-empty": { kind: "input", meaning: "A pull request would have nothing to merge, or one is open for the branch already" },
  "forge.text-too-long": { kind: "input", meaning: "A title, body or comment is longer than the forge takes" },
  "forge.denied": { kind: "denied", meaning: "A person may not do this in the repository" },
  "forge.busy": { kind: "transient", meaning: "Others wrote to the repository again and again at the same moment" },
  "forge.git-failed": { kind: "internal", meaning: "git refused something that flibs takes for right, or could not be run" },
  "forge.git-ended": { kind: "transient", meaning: "git was ended by something else than flibs before it had answered" },
  "forge.git-slow": { kind: "transient", meaning: "A call of git took longer than its limit" },
  "forge.output-too-large": { kind: "input", meaning: "A file or listing from git is larger than flibs reads" },
  "forge.record-unreadable": { kind: "internal", meaning: "A record below refs/flibs does not fit the schema of this release" },
  "forge.unreachable": { kind: "transient", meaning: "The forge did not answer, broke off in the middle, or has a fault of its own" },
  "forge.rate-limited": { kind: "transient", meaning: "The forge takes no more requests for a while, or the rest is kept for releases" },
  "forge.refused": { kind: "internal", meaning: "The forge refused a request that flibs takes for right" },
  "forge.app-key-invalid": { kind: "input", meaning: "The private key of the GitHub App is no RSA key in PEM format" },
  "forge.app-not-installed": { kind: "input", meaning: "The GitHub App is not installed for the owner of a repository" },
  "forge.app-denied": {
    kind: "denied",
    meaning: "GitHub refuses the App: wrong id or key, a permission that was not granted, or a suspended installation",
  },
  "forge.token-refused": {
    kind: "denied",
    meaning: "Pagure refuses a token: expired, made for another project, or without an ACL that is needed",
  },
  "forge.hook-failing": {
    kind: "input",
    meaning: "What the forge sends does not arrive: its hook has another address or secret, or is not reached",
  },
  "forge.app-manifest-invalid": { kind: "input", meaning: "app.yml, or the file in its place, is no manifest of a GitHub App" },
  "forge.app-not-handed-over": { kind: "internal", meaning: "GitHub did not hand over the id and secrets of a new App" },
  // intake
  "intake.signature-missing": { kind: "denied", meaning: "A delivery has no signature" },
  "intake.signature-wrong": { kind: "denied", meaning: "A delivery's signature fits none of the secrets" },
  "intake.branch-not-built": { kind: "input", meaning: "A command asked for a branch that the settings leave out, or that has gone" },
  "intake.not-approved": { kind: "denied", meaning: "Nobody who may write has approved this commit of a stranger's pull request" },
  "intake.not-allowed": { kind: "denied", meaning: "Whoever asked for a build may not write to the repository any more" },
  "intake.delivery-malformed": { kind: "input", meaning: "A delivery has no id, or a body that its forge would not send" },
} as const satisfies Record<string, { kind: ErrorKind; meaning: string }>;

export type ErrorCode = keyof typeof errorCatalogue;

/** Is it a code of this release? For codes that come from another process. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorCatalogue, text);
}

export interface ErrorExtra {
  /** The smallest thing that would mend it, as an imperative sentence. */
  readonly hint?: string;
  /** For `input`: where in the person's files. */
  readonly file?: string;
  readonly line?: number;
  /** Of a build: on which of its platforms it went wrong. */
  readonly platform?: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** Made by {@link appError}; matched by `code` and `kind`, never by message. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  readonly hint: string | undefined;
  readonly file: string | undefined;
  readonly line: number | undefined;
  readonly platform: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, extra: ErrorExtra = {}) {
    super(message, extra.cause === undefined ? undefined : { cause: extra.cause });
    this.name = "AppError";
    this.code = code;
    this.kind = errorCatalogue[code].kind;
    this.hint = extra.hint;
    this.file = extra.file;
    this.line = extra.line;
    this.platform = extra.platform;
    this.details = extra.details ?? {};
  }
}

/** Message: what was tried, on what, what came back; no full stop. */
export function appError(code: ErrorCode, message: string, extra: ErrorExtra = {}): AppError {
  return new AppError(code, message, extra);
}

/** Works across test realms, where `instanceof` does not. */
export function isAppError(error: unknown): error is AppError {
  return error instanceof Error && error.name === "AppError" && "code" in error && "kind" in error;
}

/** The kind of any error; what nobody translated counts as a broken promise of ours. */
export function errorKind(error: unknown): ErrorKind {
  return isAppError(error) ? error.kind : "internal";
}

/** What a run or a status remembers of an error: plain JSON, without stack or cause. */
export interface ErrorReport {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly message: string;
  readonly hint?: string;
  readonly file?: string;
  readonly line?: number;
  readonly platform?: string;
}

export function reportError(error: unknown): ErrorReport {
  if (!isAppError(error)) {
    return { code: "internal", kind: "internal", message: error instanceof Error ? error.message : String(error) };
  }
  return {
    code: error.code,
    kind: error.kind,
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.file === undefined ? {} : { file: error.file }),
    ...(error.line === undefined ? {} : { line: error.line }),
    ...(error.platform === undefined ? {} : { platform: error.platform }),
  };
}
