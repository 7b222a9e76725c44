import { z } from "zod";
import { isDigest } from "../domain/digest.ts";
import { isRepository, isTag } from "../domain/image-reference.ts";

const Tag = z
  .string()
  .refine(isTag, "is not a tag: at most 128 letters, digits, dots, dashes and underscores, not starting with a dot or dash");
const DigestText = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/, "is not a digest: write sha256: and 64 lower-case hexadecimal digits")
  .refine(isDigest);

/** One file below `images/`: everything that one repository of the production registry has to have. */
export const ImageFile = z.strictObject({
  schema: z.literal(1).describe("Version of this format"),
  repository: z
    .string()
    .refine(isRepository, "is not a repository name: lower-case letters, digits, dots, dashes, underscores and slashes")
    .describe("Repository in the registries; must equal the file's path below images/"),
  releases: z
    .record(
      Tag,
      z.strictObject({
        digest: DigestText.describe("Digest of the manifest list; pins all platforms, configurations and layers"),
        build: z
          .string()
          .regex(/^[\w.:-]{1,100}$/, "is not a build id")
          .describe("Id of the build record: git commit, logs, tests"),
      }),
    )
    .describe("Immutable tag (version-release) to what it stands for; append-only, in the order of release"),
  floating: z.record(Tag, Tag).optional().describe("Floating tag to the release it points to; sorted, latest at the end"),
  withdrawn: z
    .record(
      Tag,
      z.strictObject({
        reason: z.string().min(1).max(500).describe("Why, for people"),
        by: z.string().min(1).max(100).describe("Who decided it"),
        removeTag: z.boolean().optional().describe("Also delete the tag from production; without it only the signatures go"),
      }),
    )
    .optional()
    .describe("Releases that nobody may use any more: their signatures are removed"),
});
export type ImageFile = z.infer<typeof ImageFile>;
export type Release = ImageFile["releases"][string];

const Pattern = z
  .string()
  .max(200)
  .refine(isHarmlessPattern, "is not a pattern flibs takes: ^…$ without groups and back references, at most four repetitions");

/** `policy.yaml`: the sensitive half, owned by release engineers and never touched by a promotion. */
export const Policy = z.strictObject({
  schema: z.literal(1).describe("Version of this format"),
  registries: z
    .record(
      z.string().regex(/^[a-z][a-z0-9-]*$/),
      z.strictObject({
        endpoint: z.string().min(1).max(255).describe("host[:port] that flibs pushes to; must be what the settings say"),
        publicName: z.string().min(1).max(255).describe("host[:port] that users type and signatures name; must be what the settings say"),
        credential: z.string().max(100).optional().describe("Name of the robot account, for people; the secret stands in the settings"),
        signingKey: z.string().min(1).max(100).describe("Name of its signing keys; must be what the settings say"),
      }),
    )
    .describe("Registries by their name in the settings"),
  routes: z
    .array(
      z.strictObject({
        match: z.string().min(1).max(255).describe("Repositories; * stands for anything but a slash, ** for anything"),
        from: z.string().describe("Registry the image is copied from"),
        to: z.array(z.string()).min(1).max(20).describe("Registries it is copied to, under the same name; each is released by itself"),
      }),
    )
    .min(1)
    .max(200)
    .describe("Which repository goes where; the first match counts"),
  tags: z
    .strictObject({
      immutable: Pattern.describe("Release keys"),
      floating: z.array(Pattern).max(20).describe("Tags that may move"),
    })
    .describe("Regular expressions for tags"),
  platforms: z
    .strictObject({
      require: z
        .array(z.string().regex(/^[a-z0-9]+\/[a-z0-9]+(\/[a-z0-9]+)?$/, "is not os/architecture"))
        .max(20)
        .describe("Each release must have them"),
    })
    .describe("Platforms"),
  gates: z
    .array(z.string().min(1).max(100))
    .max(50)
    .describe(
      "Test suites that must have passed for the digest, besides those that the repository requires; `signature` is the candidate's",
    ),
});
export type Policy = z.infer<typeof Policy>;

export const policyPath = "policy.yaml";

/** `f40/cockpit` to `images/f40/cockpit.yaml`. */
export function imagePath(repository: string): string {
  return `images/${repository}.yaml`;
}

/** The other way round; undefined for a path that is no image file. */
export function repositoryOfPath(path: string): string | undefined {
  const match = /^images\/(.+)\.yaml$/.exec(path);
  return match?.[1] !== undefined && isRepository(match[1]) ? match[1] : undefined;
}

/** Stable branch of a repository's promotion; `number` from 2 on when a person took the first. */
export function promotionBranch(repository: string, number = 1): string {
  return proposalBranch("promote", repository, number);
}

/** The same of its roll-back. */
export function rollbackBranch(repository: string, number = 1): string {
  return proposalBranch("rollback", repository, number);
}

/** The same of its withdrawals. */
export function withdrawalBranch(repository: string, number = 1): string {
  return proposalBranch("withdraw", repository, number);
}

/** Is this the branch of a promotion, a roll-back or a withdrawal of flibs' own for that repository? Pure. */
export function isProposalBranch(branch: string, repository: string): boolean {
  return [promotionBranch, rollbackBranch, withdrawalBranch].some((branchOf) => {
    const first = branchOf(repository);
    return branch === first || (branch.startsWith(`${first}-`) && /^\d+$/.test(branch.slice(first.length + 1)));
  });
}

/** Git refuses parts that end in `.lock`. */
function proposalBranch(kind: string, repository: string, number: number): string {
  const safe = repository
    .split("/")
    .map((part) => (part.endsWith(".lock") ? `${part}_` : part))
    .join("/");
  return `${kind}/${safe}${number > 1 ? `-${number}` : ""}`;
}

/**
 * Patterns come with pull requests, so they are held to what JavaScript's back-tracking matcher answers quickly on 128 characters:
 * anchored, no groups, no back references, few repetitions.
 */
function isHarmlessPattern(text: string): boolean {
  if (!/^\^.*\$$/.test(text) || /[()]|\\[0-9k]/.test(text)) return false;
  if ((text.match(/[*+?{]/g) ?? []).length > 4) return false;
  try {
    new RegExp(text, "u");
    return true;
  } catch {
    return false;
  }
}

/** `f*` + `/**` against `f40/cockpit`: `*` stands for anything but a slash, `**` for anything. */
export function matchesRoute(pattern: string, repository: string): boolean {
  if (pattern === "**") return true;
  return matchesGlob(
    pattern.split(/(\*\*|\*)/).filter((part) => part !== ""),
    repository,
  );
}

/** Linear in pattern times text (dynamic programming over reached positions), whatever the pattern. */
function matchesGlob(parts: readonly string[], text: string): boolean {
  let reached = new Set([0]);
  for (const part of parts) {
    const next = new Set<number>();
    for (const at of reached) {
      if (part !== "*" && part !== "**") {
        if (text.startsWith(part, at)) next.add(at + part.length);
        continue;
      }
      for (let end = at; end <= text.length; end += 1) {
        next.add(end);
        if (part === "*" && text[end] === "/") break;
      }
    }
    reached = next;
  }
  return reached.has(text.length);
}

/** One way: registries by their names in the settings. */
export interface Route {
  readonly from: string;
  readonly to: string;
}

/** The ways of the first route that matches, one to each of its destinations; none when the policy has no route for the repository. */
export function findRoutes(policy: Policy, repository: string): readonly Route[] {
  const route = policy.routes.find((one) => matchesRoute(one.match, repository));
  return route ? route.to.map((to) => ({ from: route.from, to })) : [];
}

/** What a tag is by the policy's patterns. */
export function tagClass(policy: Policy, tag: string): "immutable" | "floating" | undefined {
  if (new RegExp(policy.tags.immutable, "u").test(tag)) return "immutable";
  return policy.tags.floating.some((pattern) => new RegExp(pattern, "u").test(tag)) ? "floating" : undefined;
}
