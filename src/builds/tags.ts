import { createHash } from "node:crypto";
import { appError } from "../domain/errors.ts";
import { isTag } from "../domain/image-reference.ts";
import { type Platform, platformArchitecture } from "../domain/platform.ts";

/** Longest unique tag, so that `-<architecture>` still fits below 128. */
const maxUnique = 110;

/**
 * OSBS's `<component>-<target or none>-<5 digits>-<YYYYmmddHHMMSS>`, made of the build's id and creation time, so that it is the same on
 * every attempt. What doesn't fit is cut off in front of a hash, since two long names cut at one length could meet.
 */
export function uniqueTag(component: string, build: string, createdAt: string): string {
  const hash = createHash("sha256").update(`${component}\n${build}`).digest();
  const digits = String(hash.readUInt32BE(0) % 100_000).padStart(5, "0");
  const time = new Date(createdAt).toISOString().replace(/\D/g, "").slice(0, 14);
  const end = `-none-${digits}-${time}`;
  const plain = component.replace(/[^A-Za-z0-9_.-]/g, "-").replace(/^[.-]+/, "") || "image";
  if (plain.length + end.length <= maxUnique) return plain + end;
  return `${plain.slice(0, maxUnique - end.length - 9)}-${hash.toString("hex", 4, 8)}${end}`;
}

/** Where the image of one platform is pushed to: the unique tag with the architecture. */
export function platformTag(unique: string, platform: Platform): string {
  return `${unique}-${platformArchitecture(platform)}`;
}

/** `{label}` filled in; `latest` moved to the end, double ones left out. Throws `builds.tag-invalid`. */
export function floatingTags(
  templates: readonly string[] | undefined,
  values: Readonly<Record<string, string>>,
  immutable: string,
): readonly string[] {
  const tags = (templates ?? ["latest", "{version}"]).map((template) => {
    const refuse = (message: string, hint: string) => appError("builds.tag-invalid", message, { file: "container.yaml", hint });
    const tag = template.replace(/\{([^{}]*)\}/g, (_, name: string) => {
      if (Object.hasOwn(values, name)) return values[name] ?? "";
      throw refuse(
        `tag "${template}" names the label "${name}", which the image does not have`,
        "Use a label of the Dockerfile, as in {version}",
      );
    });
    if (!isTag(tag)) {
      throw refuse(
        `"${tag.slice(0, 140)}" is not a tag`,
        "Use at most 128 letters, digits, dots, dashes and underscores, not starting with a dot or dash",
      );
    }
    if (tag === immutable) throw refuse(`tag "${tag}" is the build's own and never moves`, "Remove it from tags");
    return tag;
  });
  return [...new Set(tags.filter((tag) => tag !== "latest")), ...(tags.includes("latest") ? ["latest"] : [])];
}
