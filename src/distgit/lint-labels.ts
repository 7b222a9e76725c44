import { isRepository } from "../domain/image-reference.ts";
import type { Dockerfile } from "./dockerfile.ts";
import { type Finding, finding } from "./finding.ts";
import { noSiteLabels, type SiteLabels } from "./image-labels.ts";
import { findLabel, findUnclearSettings, type Label, type ParentEnv, resolveLabels, type UnclearSetting } from "./labels.ts";
import { lintSiteLabels } from "./lint-site-labels.ts";

/** What the labels decide about a build. */
export interface ImageIdentity {
  /** `com.redhat.component`: N of the NVR. */
  readonly component: string;
  /** `name`: repository in the registry. */
  readonly name: string;
  readonly version: string;
  /** Undefined: counted up by flibs. */
  readonly release?: string;
  /** Every label of the Dockerfile, resolved, for floating tags like `{version}`. */
  readonly labels: Readonly<Record<string, string>>;
}

const file = "Dockerfile";
/** Each character can be matched in one way only: with `([._]?[a-z0-9]+)*` thirty letters and a dash would take minutes. */
const releasePattern = /^\d[a-zA-Z0-9]*(?:[._][a-zA-Z0-9]+)*$/;
/** Longest value of a label that decides about the build; Koji's columns and file names end there. */
const maxIdentity = 255;
/** All labels together, in characters: they are kept with the build. */
const maxLabels = 262_144;
const componentPattern = /^[A-Za-z0-9/_.+-]+$/;

/** What labels are compared with. */
export interface LabelContext {
  readonly site?: SiteLabels;
  /** Labels of the image that the last stage stands on; undefined while it was not read. */
  readonly inherited?: Readonly<Record<string, string>>;
}

/**
 * Rules of OSBS and Koji for the required labels. While the parents' ENV is not known (`parentEnv` gives undefined), what depends on it is
 * left alone. `identity` is there when nothing is wrong.
 */
export function lintLabels(
  dockerfile: Dockerfile,
  parentEnv: ParentEnv,
  { site = noSiteLabels, inherited }: LabelContext = {},
): { readonly findings: readonly Finding[]; readonly identity?: ImageIdentity } {
  const { labels, complete, beyond } = resolveLabels(dockerfile, parentEnv);
  if (beyond !== undefined) {
    const message = `${beyond.keyword} ${clip(beyond.name)} has ${beyond.fault}`;
    return { findings: [finding("distgit.dockerfile-syntax", file, beyond.line, message, "Write it shorter")] };
  }
  let length = 0;
  for (const { name, value } of labels.values()) length += name.length + value.length;
  if (length > maxLabels) {
    const message = `the labels are longer than ${maxLabels / 1024} KiB together`;
    return { findings: [finding("distgit.label-invalid", file, undefined, message, "Put long texts into a file of the image")] };
  }
  const findings = [
    ...lintUnclear(findUnclearSettings(dockerfile, parentEnv)),
    ...[...labels.values()].flatMap((label) => lintValue(label, complete)),
  ];
  const lastStage = dockerfile.stages.at(-1)?.line;
  const value = (name: string, example: string, required: boolean): string | undefined => {
    const label = findLabel(labels, name);
    if (label === undefined) {
      const message = `label "${name}" is missing; every image must carry it`;
      if (required) findings.push(finding("distgit.label-missing", file, lastStage, message, `Add: LABEL ${name}="${example}"`));
      return undefined;
    }
    if (label.fault !== undefined || label.missing.length > 0) return undefined;
    if (label.value.length > maxIdentity) {
      const message = `label "${label.name}" is longer than ${maxIdentity} characters`;
      findings.push(finding("distgit.label-invalid", file, label.line, message, "Shorten it"));
      return undefined;
    }
    if (label.value !== "") return label.value;
    findings.push(
      finding(
        "distgit.label-missing",
        file,
        label.line,
        `label "${label.name}" is empty`,
        required ? `Give it a value: LABEL ${name}="${example}"` : `Remove it: flibs counts the ${name} up by itself`,
      ),
    );
    return undefined;
  };
  const component = value("com.redhat.component", "mypackage-container", true);
  const name = value("name", "f42/mypackage", true);
  const version = value("version", "1", true);
  const release = value("release", "1", false);
  const refuse = (label: string, found: string, rule: string, fix: string) =>
    findings.push(
      finding("distgit.label-invalid", file, findLabel(labels, label)?.line, `label "${label}" is "${clip(found)}"; ${rule}`, fix),
    );
  if (component !== undefined && !componentPattern.test(component)) {
    refuse("com.redhat.component", component, "it may have letters, digits and / _ . + - only", "Use the name of the dist-git repository");
  }
  if (name !== undefined) lintName(name, refuse);
  if (version !== undefined && !/^[\w][\w.+~^]*$/.test(version)) {
    const dash = version.includes("-")
      ? "a version must not have a dash, since Koji splits NVRs there"
      : "it must be letters, digits, dots and underscores";
    refuse("version", version, dash, `Write "${version.replace(/[^\w.]+/g, ".").replace(/^\.+/, "") || "1"}"`);
  } else if (version !== undefined && /[+~^]/.test(version)) {
    refuse("version", version, "it becomes a tag, where + ~ ^ are not allowed", `Write "${version.replace(/[+~^]/g, "_")}"`);
  }
  if (release !== undefined && !releasePattern.test(release)) {
    refuse(
      "release",
      release,
      "it must start with a digit and have letters and digits parted by . or _",
      "Remove the label: flibs counts releases up by itself",
    );
  }
  if (version !== undefined && `${version}-${release ?? "0000000000"}`.length > 128) {
    refuse("version", version, "version and release together are longer than the 128 characters of a tag", "Shorten it");
  }
  findings.push(...lintSiteLabels(labels, lastStage, site, inherited));
  const known = component !== undefined && name !== undefined && version !== undefined;
  if (findings.some((one) => one.severity === "error") || !known) return { findings };
  const all = Object.fromEntries([...labels.values()].map((label) => [label.name, label.value]));
  return { findings, identity: { component, name, version, ...(release === undefined ? {} : { release }), labels: all } };
}

function lintUnclear(settings: readonly UnclearSetting[]): readonly Finding[] {
  return settings.map(({ what, line, classic, buildkit }) => {
    const message = `${clip(what)} is "${clip(classic)}" to the classic builder and "${clip(buildkit)}" to BuildKit`;
    const fix = "Give ENV and ARG names of their own, and name an ARG again in each stage that uses it";
    return finding("distgit.dockerfile-ambiguous", file, line, message, fix);
  });
}

function lintValue(label: Label, complete: boolean): readonly Finding[] {
  if (label.fault !== undefined) {
    const fix = label.beyond ? "Write it shorter" : "Close it";
    return [finding("distgit.dockerfile-syntax", file, label.line, `label "${clip(label.name)}" has ${label.fault}`, fix)];
  }
  if (!complete || label.missing.length === 0) return [];
  const [variable] = label.missing;
  const message = `label "${clip(label.name)}" uses $${variable}, which neither the Dockerfile above nor the parent image defines`;
  return [finding("distgit.variable-undefined", file, label.line, message, `Add above line ${label.line}: ENV ${variable}="<value>"`)];
}

function lintName(name: string, refuse: (label: string, found: string, rule: string, fix: string) => void): void {
  const first = name.split("/")[0] ?? "";
  if (first === "untrusted" && name.includes("/")) {
    refuse("name", name, "untrusted/ is for images of pull requests that nobody vouches for", "Choose another first part");
  } else if (!isRepository(name)) {
    const mended = name
      .toLowerCase()
      .replace(/[^a-z0-9._/-]+/g, "-")
      .replace(/^[._/-]+|[._/-]+$/g, "");
    const fix = isRepository(mended) ? `Write LABEL name="${mended}"` : "Use lower-case letters, digits, dots, dashes and slashes";
    refuse(
      "name",
      name,
      "it is the repository in the registry, where only lower-case letters, digits and single . _ - between them are allowed",
      fix,
    );
  } else if (name.includes("/") && first.includes(".")) {
    refuse(
      "name",
      name,
      "a dot before the first slash would make it the name of a registry",
      `Write LABEL name="${name.slice(first.length + 1)}"`,
    );
  }
}

function clip(text: string): string {
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
