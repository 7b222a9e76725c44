import { labelAliases } from "./labels.ts";

/** What the operators want in every image's labels. */
export interface SiteLabels {
  /** OSBS's `image_labels`. */
  readonly values: Readonly<Record<string, string>>;
  /** OSBS's `image_equal_labels`: labels that say the same thing. */
  readonly equal: readonly (readonly string[])[];
  /** OSBS's `image_label_info_url_format`: the label `url`, with `{label}` in it. */
  readonly infoUrlFormat?: string;
}

export const noSiteLabels: SiteLabels = { values: {}, equal: [] };

type Labels = Readonly<Record<string, string>>;

/** Where an image's labels come from; values are resolved. */
export interface LabelSources {
  /** Of the Dockerfile: its last stage and the stages that one stands on. */
  readonly own: Labels;
  /** Of the base image. */
  readonly inherited: Labels;
  readonly site: SiteLabels;
  /** Of the build itself: build-date, vcs-ref, release … They count before everything else. */
  readonly automatic: Labels;
}

/** A site's value of these does not count when the Dockerfile has one. */
export const repositoryDecides: readonly string[] = ["distribution-scope", "com.redhat.license_terms"];

/**
 * The labels to add at the end of the Dockerfile, so that the image has what build, site and repository say: site over Dockerfile (but for
 * {@link repositoryDecides}), aliases filled both ways, groups of equal labels filled from their first value. What the Dockerfile or the base image
 * says already is not repeated. Pure.
 */
export function addedLabels({ own, inherited, site, automatic }: LabelSources): Labels {
  const added = new Map<string, string>();
  for (const [name, value] of Object.entries(site.values)) {
    if (!(repositoryDecides.includes(name) && Object.hasOwn(own, name))) added.set(name, value);
  }
  for (const [name, value] of Object.entries(automatic)) added.set(name, value);
  const labelOf = (name: string): string | undefined => added.get(name) ?? (Object.hasOwn(own, name) ? own[name] : undefined);
  if (site.infoUrlFormat !== undefined)
    added.set(
      "url",
      fillIn(site.infoUrlFormat, (name) => aliasesOf(name).map(labelOf).find(isText) ?? ""),
    );
  for (const group of site.equal) {
    const value = group.map(labelOf).find(isText);
    const fallback = group.map((name) => (Object.hasOwn(inherited, name) ? inherited[name] : undefined)).find(isText);
    for (const name of group) {
      if (labelOf(name) !== undefined) continue;
      if (value !== undefined) added.set(name, value);
      else if (fallback !== undefined && !Object.hasOwn(inherited, name)) added.set(name, fallback);
    }
  }
  for (const [name, old] of Object.values(labelAliases).map(([first = "", second = ""]) => [first, second] as const)) {
    const [one, other] = [labelOf(name), labelOf(old)];
    // What is added counts over what stands in the Dockerfile under the other name.
    if (one !== undefined && (other === undefined || (added.has(name) && !added.has(old)))) added.set(old, one);
    else if (other !== undefined && (one === undefined || (added.has(old) && !added.has(name)))) added.set(name, other);
  }
  // Left out only now: what the site says counts over the other name of a label also where the Dockerfile says the same.
  const isNew = (name: string, value: string) => Object.hasOwn(automatic, name) || !Object.hasOwn(own, name) || own[name] !== value;
  return Object.fromEntries([...added].filter(([name, value]) => isNew(name, value)));
}

/** Names in braces, in the order in which they stand there. */
export function placeholdersOf(format: string): readonly string[] {
  return [...format.matchAll(/\{([^{}]*)\}/g)].map(([, name = ""]) => name);
}

/** A label's names, the one that counts first. */
export function aliasesOf(name: string): readonly string[] {
  return Object.values(labelAliases).find((names) => names.includes(name)) ?? [name];
}

function fillIn(format: string, labelOf: (name: string) => string): string {
  return format.replaceAll(/\{([^{}]*)\}/g, (_, name: string) => labelOf(name));
}

function isText(value: string | undefined): value is string {
  return value !== undefined;
}
