import { type Finding, finding, warning } from "./finding.ts";
import { aliasesOf, placeholdersOf, repositoryDecides, type SiteLabels } from "./image-labels.ts";
import { findLabel, type Label, labelAliases } from "./labels.ts";

const file = "Dockerfile";
/** From few people to all. */
const scopes = ["private", "authoritative-source-only", "restricted", "public"];
/** Labels that the build gives, so that the site's address may name them. */
const given = ["build-date", "vcs-ref", "vcs-type", "release", "Release"];

/** What the site's labels and the base image's have to do with the Dockerfile's. `inherited` is undefined while the base image is not known. */
export function lintSiteLabels(
  labels: ReadonlyMap<string, Label>,
  lastStage: number | undefined,
  site: SiteLabels,
  inherited: Readonly<Record<string, string>> | undefined,
): readonly Finding[] {
  return [
    ...lintAliases(labels),
    ...lintOverruled(labels, site),
    ...lintInfoUrl(labels, lastStage, site),
    ...lintScope(labels, lastStage, site, inherited),
  ];
}

function lintAliases(labels: ReadonlyMap<string, Label>): readonly Finding[] {
  return Object.values(labelAliases).flatMap(([name = "", old = ""]) => {
    const [one, other] = [labels.get(name), labels.get(old)];
    if (one === undefined || other === undefined || one.value === other.value) return [];
    const message = `labels "${name}" and "${old}" mean the same and differ; "${name}" counts`;
    return [warning("distgit.label-overruled", file, other.line, message, `Remove ${old}: it is added with the value of ${name}`)];
  });
}

function lintOverruled(labels: ReadonlyMap<string, Label>, { values }: SiteLabels): readonly Finding[] {
  return Object.entries(values).flatMap(([name, value]) => {
    const label = labels.get(name);
    if (label === undefined || label.value === value || repositoryDecides.includes(name)) return [];
    const message = `label "${name}" becomes "${clip(value)}" in the image, as the site's settings want it`;
    return [warning("distgit.label-overruled", file, label.line, message, `Remove the label: the site gives it`)];
  });
}

function lintInfoUrl(labels: ReadonlyMap<string, Label>, lastStage: number | undefined, site: SiteLabels): readonly Finding[] {
  const missing = placeholdersOf(site.infoUrlFormat ?? "").find(
    (name) => !given.includes(name) && !aliasesOf(name).some((alias) => labels.has(alias) || Object.hasOwn(site.values, alias)),
  );
  if (missing === undefined) return [];
  const message = `label "${missing}" is missing; the site makes the image's label "url" of it`;
  return [finding("distgit.label-missing", file, lastStage, message, `Add: LABEL ${missing}="<value>"`)];
}

function lintScope(
  labels: ReadonlyMap<string, Label>,
  lastStage: number | undefined,
  site: SiteLabels,
  inherited: Readonly<Record<string, string>> | undefined,
): readonly Finding[] {
  const name = "distribution-scope";
  const own = findLabel(labels, name);
  const scope = own?.value ?? (Object.hasOwn(site.values, name) ? site.values[name] : undefined);
  const base = inherited !== undefined && Object.hasOwn(inherited, name) ? inherited[name] : undefined;
  if (scope === undefined || base === undefined) return [];
  const [mine, theirs] = [scopes.indexOf(scope), scopes.indexOf(base)];
  if (mine < 0 || theirs < 0 || mine <= theirs) return [];
  const message = `label "${name}" is "${scope}", but the base image's is "${base}"; an image must not be open to more people than what it is made of`;
  return [
    finding("distgit.label-invalid", file, own?.line ?? lastStage, message, `Write LABEL ${name}="${base}", or use another base image`),
  ];
}

function clip(text: string): string {
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
