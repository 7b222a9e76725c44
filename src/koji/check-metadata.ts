import { z } from "zod";
import { appError } from "../domain/errors.ts";
import { ContentGeneratorMetadata } from "./metadata-schema.ts";

/** What a Koji hub would answer: its fault code, and the last line of its words. */
export interface Fault {
  /** 1: an error that the hub does not handle; 1000: general; 1019: parameter. */
  readonly code: 1 | 1000 | 1019;
  readonly message: string;
}

/** What a hub knows that metadata is compared with. */
export interface HubKnowledge {
  /** Types of archives, with those that OSBS adds (`addBType`). */
  readonly btypes: readonly string[];
  /** Endings of archive files. */
  readonly extensions: readonly string[];
}

export const stockHub: HubKnowledge = {
  btypes: ["maven", "win", "image", "icm", "operator-manifests", "remote-sources", "remote-source-file"],
  extensions: ["tar", "tar.gz", "tar.bz2", "tar.xz", "tgz", "json"],
};

/**
 * Refuses what Koji 1.35's hub would refuse of metadata alone, in its order and nearly its words, and then what our stricter schema does.
 * Throws `koji.metadata-invalid`.
 */
export function checkMetadata(value: unknown, hub: HubKnowledge = stockHub): ContentGeneratorMetadata {
  const fault = findFault(value, hub);
  if (fault !== undefined) {
    throw appError("koji.metadata-invalid", `Koji would refuse this metadata: ${fault.message}`, { details: { faultCode: fault.code } });
  }
  const parsed = ContentGeneratorMetadata.safeParse(value);
  if (parsed.success) return parsed.data;
  throw appError("koji.metadata-invalid", `metadata is not what Koji's images have: ${z.prettifyError(parsed.error).slice(0, 1000)}`);
}

type Loose = Readonly<Record<string, unknown>>;

/** Undefined when the hub has nothing against it. */
export function findFault(value: unknown, hub: HubKnowledge = stockHub): Fault | undefined {
  try {
    lookAtAll(objectOf(value), hub);
    return undefined;
  } catch (error) {
    if (error instanceof Refusal) return error.fault;
    throw error;
  }
}

/** Carries a fault out of the checks; never leaves this file. */
class Refusal extends Error {
  readonly fault: Fault;
  constructor(code: Fault["code"], message: string) {
    super(message);
    this.fault = { code, message };
  }
}

const refuse = (message: string, code: Fault["code"] = 1000): never => {
  throw new Refusal(code, message);
};

function lookAtAll(metadata: Loose, hub: HubKnowledge): void {
  const version = demand(metadata, "metadata_version");
  if (version !== 0) refuse(`No such metadata version: ${version}`);
  const buildroots = listOf(demand(metadata, "buildroots"));
  lookAtGenerators(buildroots);
  const build = objectOf(demand(metadata, "build"));
  lookAtBuild(build);
  const types = typesOf(build, hub);
  const outputs = listOf(demand(metadata, "output"));
  lookAtBuildroots(buildroots, outputs);
  for (const output of outputs) lookAtOutput(output, buildroots, types, hub);
}

/** Access is asked for each buildroot's generator; one import has one. */
function lookAtGenerators(buildroots: readonly Loose[]): void {
  const names = new Set(buildroots.map((one) => demand(objectOf(demand(one, "content_generator")), "name")));
  if (names.size === 0) refuse("Invalid name or id value: None", 1019);
  if (names.size > 1) refuse("Koji now support only one content-generator per import");
}

function lookAtBuild(build: Loose): void {
  if (build.draft === true) refuse("Draft build not supported");
  for (const key of ["source", "start_time", "end_time"]) demand(build, key);
  const extra = objectOf(demand(build, "extra"));
  const task = extra.container_koji_task_id;
  if (build.task_id != null && task != null && build.task_id !== task) {
    refuse(`CG provided non-matching task_id ${build.task_id} and container_koji_task_id ${task}`);
  }
  const { name, version, release } = build;
  if (typeof name !== "string" || typeof version !== "string" || typeof release !== "string") {
    throw new Refusal(1000, "did not provide name, version, and release");
  }
  if (version.includes("-")) refuse('The "-" character not allowed in version field');
  if (release.includes("-")) refuse('The "-" character not allowed in release field');
  if (!/^[A-Za-z0-9/_.+-]+$/.test(name)) refuse(`Name ${name} does not match RegexNameInternal value`);
  // The hub says so in the end, with the directory of all releases before its eyes.
  if (release === "") refuse(`Destination directory already exists: packages/${name}/${version}/`);
}

/** `image` beside `typeinfo.image` is a type twice. */
function typesOf(build: Loose, hub: HubKnowledge): ReadonlySet<string> {
  const extra = objectOf(build.extra);
  const typeinfo = objectOf(extra.typeinfo ?? {});
  const legacy = ["maven", "win", "image"].filter((type) => extra[type] !== undefined);
  const twice = legacy.find((type) => Object.hasOwn(typeinfo, type));
  if (twice !== undefined) refuse(`Duplicate typeinfo for '${twice}'`);
  const types = [...Object.keys(typeinfo), ...legacy];
  for (const type of types) if (!hub.btypes.includes(type)) refuse(`No such entry in table btype: ${type}`);
  return new Set(types);
}

function lookAtBuildroots(buildroots: readonly Loose[], outputs: readonly Loose[]): void {
  const used = new Set(outputs.map((output) => output.buildroot_id));
  const seen = new Set<unknown>();
  for (const buildroot of buildroots) {
    const id = demand(buildroot, "id");
    if (seen.has(id)) refuse(`Duplicate buildroot id in metadata: ${quote(id)}`);
    seen.add(id);
    if (!used.has(id)) refuse(`Buildroot id not used in output: ${quote(id)}`);
    const host = objectOf(demand(buildroot, "host"));
    for (const key of ["os", "arch"]) demand(host, key);
    const container = objectOf(demand(buildroot, "container"));
    for (const key of ["type", "arch"]) demand(container, key);
    demand(objectOf(buildroot.content_generator), "version");
    for (const key of ["tools", "components"]) demand(buildroot, key);
  }
}

function lookAtOutput(output: Loose, buildroots: readonly Loose[], types: ReadonlySet<string>, hub: HubKnowledge): void {
  const filename = String(demand(output, "filename"));
  demand(output, "filesize");
  demand(output, "checksum");
  const sum = demand(output, "checksum_type");
  if (sum !== "md5" && sum !== "sha256" && sum !== "adler32") refuse(`Unsupported verify type: ${sum}`);
  const buildroot = demand(output, "buildroot_id");
  if (!buildroots.some((one) => one.id === buildroot)) refuse(`Missing buildroot metadata for id ${quote(buildroot)}`);
  const type = demand(output, "type");
  if (type === "log") return;
  if (type === "rpm") {
    if (output.subdir !== undefined) refuse("subdir field not allowed for rpm outputs");
  } else {
    lookAtArchive(output, filename, types, hub);
  }
  for (const component of listOf(output.components ?? [])) lookAtComponent(component);
}

/** An archive's type is what its `extra` has a member for, whatever `type` says. */
function lookAtArchive(output: Loose, filename: string, types: ReadonlySet<string>, hub: HubKnowledge): void {
  const extra = objectOf(output.extra ?? {});
  const legacy = ["maven", "win", "image"].filter((type) => extra[type] !== undefined);
  const found = [...Object.keys(objectOf(extra.typeinfo ?? {})), ...legacy];
  if (found.length === 0) refuse(`No typeinfo for: ${filename}`);
  if (found.length > 1) refuse(`Output file has multiple types: ${filename}`);
  const [type = ""] = found;
  if (!types.has(type)) refuse(`Output type ${type} not listed in build types`);
  if (legacy.length > 0 && output.subdir !== undefined) refuse("subdir field not allowed for legacy btypes");
  if (legacy[0] === "image") demand(objectOf(extra.image), "arch");
  if (!hub.extensions.some((extension) => filename.endsWith(`.${extension}`))) refuse(`unsupported file extension: ${filename}`);
}

function lookAtComponent(component: Loose): void {
  const type = demand(component, "type");
  if (type === "rpm") {
    if (component.location !== undefined) refuse("External rpms not allowed");
    for (const key of ["name", "version", "release", "epoch", "arch", "sigmd5"]) demand(component, key);
  } else if (type !== "file" && type !== "kojifile") refuse(`No such component type: ${type}`);
}

/** Python's words for a member that is not there. */
function demand(object: Loose, key: string): unknown {
  if (!Object.hasOwn(object, key) || object[key] === undefined) refuse(`KeyError: '${key}'`, 1);
  return object[key];
}

function objectOf(value: unknown): Loose {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Refusal(1, `TypeError: ${typeof value} is no struct`);
  return value as Loose;
}

function listOf(value: unknown): readonly Loose[] {
  if (!Array.isArray(value)) throw new Refusal(1, `TypeError: ${typeof value} is no list`);
  return value.map(objectOf);
}

function quote(id: unknown): string {
  return typeof id === "string" ? `'${id}'` : String(id);
}
