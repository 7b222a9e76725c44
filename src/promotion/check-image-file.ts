import type { Fault } from "./fault.ts";
import { keysAt, type ParsedImageFile } from "./image-file.ts";
import { findRoutes, imagePath, type Policy, policyPath, tagClass } from "./registry-manifest.ts";

/** Rules about one image file alone that its schema can't tell: tags, targets, route (CK1, CK8, CK9). Pure. */
export function checkImageFile(parsed: ParsedImageFile, policy: Policy): readonly Fault[] {
  const { value, lineOf } = parsed;
  const faults: Fault[] = [];
  const add = (check: string, path: readonly string[], message: string, fix: string) =>
    faults.push(faultAt(check, imagePath(value.repository), lineOf(path), message, fix));
  if (findRoutes(policy, value.repository).length === 0) {
    add(
      "CK1",
      ["repository"],
      `no route in ${policyPath} leads anywhere for ${value.repository}`,
      `add a route to ${policyPath}, in a pull request of its own`,
    );
  }
  const sanitised = new Map<string, string>();
  for (const tag of Object.keys(value.releases)) {
    if (tagClass(policy, tag) !== "immutable") {
      add("CK1", ["releases", tag], `"${tag}" is no release tag; the policy has ${policy.tags.immutable}`, "write version-release");
    }
    const twin = sanitised.get(tag.toLowerCase());
    if (twin) add("CK9", ["releases", tag], `"${tag}" and "${twin}" differ in case only`, "rename one");
    sanitised.set(tag.toLowerCase(), tag);
  }
  for (const [tag, target] of Object.entries(value.floating ?? {})) {
    const path = ["floating", tag];
    if (value.releases[tag] !== undefined) add("CK9", path, `"${tag}" is a release and a floating tag`, "remove one of the two");
    else if (tagClass(policy, tag) === "immutable") {
      add("CK1", path, `"${tag}" looks like a release, which never moves`, "put it under releases, or choose another name");
    } else if (tagClass(policy, tag) !== "floating") {
      add(
        "CK1",
        path,
        `"${tag}" is no floating tag; the policy has ${policy.tags.floating.join(" ")}`,
        "choose another name, or leave it out",
      );
    }
    if (value.releases[target] === undefined) {
      add("CK1", path, `${tag} points to "${target}", which is not among the releases`, "point it to a key of releases");
    }
    if (value.withdrawn?.[target]) add("CK8", path, `${tag} points to "${target}", which is withdrawn`, "point it to another release");
  }
  for (const tag of Object.keys(value.withdrawn ?? {})) {
    if (value.releases[tag] === undefined)
      add("CK1", ["withdrawn", tag], `"${tag}" is not among the releases`, "keep the release and withdraw it");
  }
  return faults;
}

/** Releases that a change takes out of a file, in the order of release. Pure. */
export function removedReleases(base: ParsedImageFile, head: ParsedImageFile): readonly string[] {
  return keysAt(base, ["releases"]).filter((tag) => head.value.releases[tag] === undefined);
}

/**
 * Releases are append-only: nothing goes, changes or is put in between (CK2). `reverted` says that the text is one that the file had before:
 * then the newest releases may go, since the registry keeps their tags; what stands before them may not, which no former text lacks. Pure.
 */
export function checkAppendOnly(base: ParsedImageFile, head: ParsedImageFile, reverted: boolean): readonly Fault[] {
  const path = imagePath(base.value.repository);
  const before = keysAt(base, ["releases"]);
  const removed = removedReleases(base, head);
  const kept = before.filter((tag) => !removed.includes(tag));
  const mayGo = reverted && kept.every((tag, i) => tag === before[i]);
  const faults: Fault[] = [];
  for (const tag of before) {
    const old = base.value.releases[tag];
    const now = head.value.releases[tag];
    const line = head.lineOf(["releases", tag]);
    if (!now) {
      if (mayGo) continue;
      const fix = "put it back; to roll back change floating only, to stop its use add it to withdrawn";
      faults.push(faultAt("CK2", path, head.lineOf(["releases"]), `the release "${tag}" is gone, releases are append-only`, fix));
    } else if (now.digest !== old?.digest) {
      const message = `the immutable tag "${tag}" would move from ${old?.digest} to ${now.digest}`;
      faults.push(faultAt("CK2", path, line, message, `write digest: ${old?.digest}, and release the other as a new tag`));
    } else if (now.build !== old?.build) {
      faults.push(faultAt("CK2", path, line, `the build of "${tag}" was changed from ${old?.build}`, `write build: "${old?.build}"`));
    }
  }
  if (faults.length > 0) return faults;
  const after = keysAt(head, ["releases"]);
  const index = kept.findIndex((tag, i) => after[i] !== tag);
  if (index < 0) return [];
  const message = `"${after[index]}" stands before "${kept[index]}", the order of releases is the order of release`;
  return [faultAt("CK2", path, head.lineOf(["releases", after[index] ?? ""]), message, "append new releases at the end")];
}

/**
 * The registries of the policy against its routes and against the operator's settings: a difference would sign wrong names. Without settings, as
 * in a clone, the routes alone are looked at. Pure.
 */
export function checkPolicyRegistries(
  policy: Policy,
  settings: Readonly<Record<string, { readonly endpoint: string; readonly publicName: string; readonly signingKey: string }>> | undefined,
  lineOf: (path: readonly PropertyKey[]) => number | undefined,
): readonly Fault[] {
  const faults: Fault[] = [];
  const add = (path: readonly PropertyKey[], message: string, fix: string) =>
    faults.push(faultAt("CK1", policyPath, lineOf(path), message, fix));
  for (const [name, registry] of settings ? Object.entries(policy.registries) : []) {
    const known = settings && Object.hasOwn(settings, name) ? settings[name] : undefined;
    if (!known) {
      add(["registries", name], `the settings of flibs have no registry "${name}"`, `use one of ${Object.keys(settings ?? {}).join(", ")}`);
      continue;
    }
    for (const field of ["endpoint", "publicName", "signingKey"] as const) {
      if (registry[field] === known[field]) continue;
      add(
        ["registries", name, field],
        `${field} is "${registry[field]}", the settings of flibs have "${known[field]}"`,
        `write ${field}: ${known[field]}`,
      );
    }
  }
  for (const [name, { publicName }] of Object.entries(policy.registries)) {
    const fault = publicNameFault(publicName);
    if (fault) add(["registries", name, "publicName"], fault.message, fault.fix);
  }
  policy.routes.forEach((route, i) => {
    for (const end of [route.from, ...route.to]) {
      if (!Object.hasOwn(policy.registries, end))
        add(["routes", i], `the route names the registry "${end}", which is not under registries`, "add it, or name another");
    }
    if (route.to.includes("candidate"))
      add(["routes", i], "the route leads into candidate, which has builds only", "name a production registry");
    if (new Set(route.to).size !== route.to.length) add(["routes", i], "the route names a registry twice", "name each once");
    if (route.to.includes(route.from)) add(["routes", i], `the route leads from ${route.from} to itself`, "name another registry");
  });
  return faults;
}

/**
 * Clients complete short names (DG13): without a dot, a port or "localhost" a first part is no host but a namespace at docker.io, and docker.io's
 * other names become docker.io. A signature for what nobody's client asks for would be worth nothing (containers/image, docker/reference).
 */
function publicNameFault(publicName: string): { readonly message: string; readonly fix: string } | undefined {
  if (["index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"].includes(publicName)) {
    return { message: `"${publicName}": clients read it as docker.io`, fix: "write publicName: docker.io" };
  }
  const [host = ""] = publicName.split("/");
  if (host === "localhost" || /[.:]/.test(host)) return undefined;
  return {
    message: `"${publicName}" is no host that clients take for one, but a name at docker.io`,
    fix: "write a host with a dot or a port",
  };
}

function faultAt(check: string, file: string, line: number | undefined, message: string, fix: string): Fault {
  return { check, file, ...(line === undefined ? {} : { line }), message, fix };
}
