import { createHash } from "node:crypto";
import { appError } from "../domain/errors.ts";
import { isTag } from "../domain/image-reference.ts";
import type { Platform } from "../domain/platform.ts";

/** Longest unique tag, so that `-<platform>` still fits below 128. */
const maxUnique = 110;
const maxTarget = 40;
/** The end of every unique tag, with or without platform. */
const uniqueEnd = /-\d{5}-\d{14}(-[a-z0-9-]+)?$/;

/** What a unique tag is made of. */
export interface UniqueTagFacts {
  readonly component: string;
  /** Name of the build's target, when it has one. */
  readonly target: string | undefined;
  /** Id of the build. */
  readonly build: string;
  /** ISO 8601 */
  readonly createdAt: string;
  /** Counted up when another build has the tag; there are only 100,000 for a component and a second. */
  readonly attempt: number;
}

/**
 * OSBS's `<component>-<target or none>-<5 digits>-<YYYYmmddHHMMSS>`, made of the build's id and creation time, so that it is the same after a
 * crash. What doesn't fit is cut off in front of a hash, since two long names cut at one length could meet.
 */
export function uniqueTag({ component, target, build, createdAt, attempt }: UniqueTagFacts): string {
  const hash = createHash("sha256").update(`${component}\n${build}${attempt === 0 ? "" : `\n${attempt}`}`);
  const digits = String(hash.digest().readUInt32BE(0) % 100_000).padStart(5, "0");
  const time = new Date(createdAt).toISOString().replace(/\D/g, "").slice(0, 14);
  const end = `-${shorten(target ?? "none", maxTarget)}-${digits}-${time}`;
  return shorten(component, maxUnique - end.length) + end;
}

/** In the letters of a tag, at most so many; what had to be changed has a hash of what it was behind it, so that different names stay different. */
function shorten(name: string, most: number): string {
  const plain = name.replace(/[^A-Za-z0-9_.-]/g, "-").replace(/^[.-]+/, "") || "image";
  if (plain === name && plain.length <= most) return plain;
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 8);
  return `${plain.slice(0, most - hash.length - 1)}-${hash}`;
}

/** Where the image of one platform is pushed to: the unique tag with the architecture, and with what else tells platforms apart. */
export function platformTag(unique: string, platform: Platform): string {
  return `${unique}-${platform.replace(/^linux\//, "").replace(/[^A-Za-z0-9_.-]/g, "-")}`;
}

export interface FloatingTagFacts {
  /** `tags` of container.yaml; when it is there, nothing else counts. */
  readonly named?: readonly string[] | undefined;
  /** Lines of the file `additional-tags`. */
  readonly additional?: readonly string[] | undefined;
  /** What `{label}` stands for. */
  readonly values: Readonly<Record<string, string>>;
  /** The build's own `{version}-{release}`. */
  readonly primary: string;
}

/**
 * `tags` of container.yaml, else `latest`, `{version}` and the additional ones; `latest` moved to the end, double ones left out. Throws
 * `builds.tag-invalid`.
 */
export function floatingTags({ named, additional = [], values, primary }: FloatingTagFacts): readonly string[] {
  const file = named === undefined ? "additional-tags" : "container.yaml";
  // Labels are filled in into what container.yaml says; the other file has plain tags.
  const tags = named?.map((template) => fillIn(template, values)) ?? ["latest", fillIn("{version}", values), ...additional];
  for (const tag of tags) checkFloating(tag, primary, file);
  return [...new Set(tags.filter((tag) => tag !== "latest")), ...(tags.includes("latest") ? ["latest"] : [])];
}

function fillIn(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{([^{}]*)\}/g, (_, name: string) => {
    if (Object.hasOwn(values, name)) return values[name] ?? "";
    throw appError("builds.tag-invalid", `tag "${template}" names the label "${name}", which the image does not have`, {
      file: "container.yaml",
      hint: "Use a label of the Dockerfile, as in {version}",
    });
  });
}

function checkFloating(tag: string, primary: string, file: string): void {
  const refuse = (message: string, hint: string) => appError("builds.tag-invalid", message, { file, hint });
  if (!isTag(tag)) {
    throw refuse(
      `"${tag.slice(0, 140)}" is not a tag`,
      "Use at most 128 letters, digits, dots, dashes and underscores, not starting with a dot or dash",
    );
  }
  if (tag === primary) throw refuse(`tag "${tag}" is the build's own and never moves`, "Remove it from tags");
  if (uniqueEnd.test(tag)) {
    throw refuse(`tag "${tag}" ends as the tags do that builds get for themselves and that never move`, "Choose another tag");
  }
}

/** A floating tag would move the release of another build. */
export function tagHeld(tag: string, file: string): Error {
  return appError("builds.tag-invalid", `tag "${tag}" is the release of another build and never moves`, {
    file,
    hint: "Choose another tag, or remove it",
  });
}
