import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { makeRpm } from "./make-rpm.ts";
import { type MorePackage, sha256, stageGreeting, standInImage } from "./stand-in-image.ts";

/** What Dockerfiles of the demo say after FROM, whichever image stands behind it. */
export const fedoraRegistry = "registry.fedoraproject.org";

export interface BaseImageRequest {
  /** `host:port` of a registry, spoken to over HTTP, that a stand-in is pushed to as `fedora:<tag>`. */
  readonly registry: string;
  /** Where a stand-in is kept between runs. */
  readonly cacheDirectory: string;
  /** Told in one line what is done. */
  readonly log: (line: string) => void;
  /** Fedora release, a number: the tag of its base image. A stand-in gets the tag `latest` too. 42, as in the template, when left out. */
  readonly tag?: string;
  /** How long Fedora's registry may take to answer, milliseconds. */
  readonly patienceMs?: number;
  /** What a stand-in has beside bash, busybox and rpm; Fedora's own image is taken as it is. */
  readonly packages?: readonly MorePackage[];
  /** Base URL of Fedora's registry, for tests. */
  readonly fedoraUrl?: string;
}

export interface BaseImage {
  /** For FROM: `registry.fedoraproject.org/fedora:<tag>`. */
  readonly reference: string;
  readonly digest: string;
  readonly standIn: boolean;
  /** A sentence for people: which image it is, and why. */
  readonly why: string;
  /** An entry for `parents.allowed` of the settings; a stand-in comes in as Fedora's mirror. */
  readonly parent: { readonly prefix: string; readonly mirror?: string; readonly plainHttp?: boolean };
}

/** Fedora's base image where its registry answers, else the stand-in, pushed to the given registry. Takes under 2 s once cached. */
export async function ensureBaseImage(request: BaseImageRequest): Promise<BaseImage> {
  const tag = request.tag ?? "42";
  const prefix = `${fedoraRegistry}/`;
  const reference = `${prefix}fedora:${tag}`;
  const fedora = await askFedora(request.fedoraUrl ?? `https://${fedoraRegistry}`, tag, request.patienceMs ?? 3000);
  if ("digest" in fedora) {
    const why = `base image: ${reference}, the real one`;
    request.log(why);
    return { reference, digest: fedora.digest, standIn: false, why, parent: { prefix } };
  }
  const why = `base image: a stand-in for ${reference} made from this machine's packages, because ${fedora.problem}`;
  request.log(why);
  const image = await standInImage(request.cacheDirectory, tag, request.packages);
  const registry = `http://${request.registry}`;
  for (const blob of [image.layer, image.config]) await pushBlob(registry, blob);
  for (const name of new Set([tag, "latest"])) await pushManifest(registry, name, image.manifest);
  return { reference, digest: sha256(image.manifest), standIn: true, why, parent: { prefix, mirror: request.registry, plainHttp: true } };
}

const accepted = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");

async function askFedora(url: string, tag: string, patienceMs: number): Promise<{ digest: string } | { problem: string }> {
  try {
    const signal = AbortSignal.timeout(patienceMs);
    const response = await fetch(`${url}/v2/fedora/manifests/${tag}`, { headers: { accept: accepted }, signal });
    if (!response.ok) return { problem: `Fedora's registry answers ${response.status}` };
    return { digest: sha256(new Uint8Array(await response.arrayBuffer())) };
  } catch {
    return { problem: "Fedora's registry cannot be reached" };
  }
}

/** Looks before it pushes: `npm run demo -- --keep` and a second demo may share a registry. */
async function pushBlob(registry: string, bytes: Uint8Array): Promise<void> {
  const digest = sha256(bytes);
  if ((await fetch(`${registry}/v2/fedora/blobs/${digest}`, { method: "HEAD" })).ok) return;
  const session = await fetch(`${registry}/v2/fedora/blobs/uploads/`, { method: "POST" });
  const location = new URL(session.headers.get("location") ?? "", registry);
  location.searchParams.set("digest", digest);
  const headers = { "content-type": "application/octet-stream" };
  const stored = await fetch(location, { method: "PUT", headers, body: Buffer.from(bytes) });
  if (stored.status !== 201) throw new Error(`pushing the stand-in base image to ${registry}: ${stored.status} ${await stored.text()}`);
}

async function pushManifest(registry: string, tag: string, bytes: Uint8Array): Promise<void> {
  const headers = { "content-type": "application/vnd.oci.image.manifest.v1+json" };
  const stored = await fetch(`${registry}/v2/fedora/manifests/${tag}`, { method: "PUT", headers, body: Buffer.from(bytes) });
  if (stored.status !== 201) throw new Error(`tagging the stand-in base image as ${tag}: ${stored.status} ${await stored.text()}`);
}

/** What the demo's second commit adds to a repository so that the image's list of RPMs changes, without any network. */
export interface PackageUpgrade {
  /** Put it into the repository as `packages/<fileName>`. */
  readonly file: string;
  readonly fileName: string;
  /** The instructions that install it; see {@link addUpgrade}. */
  readonly dockerfileLines: string;
}

/** Makes `greeting-<version>-1.noarch.rpm` below `output`. The stand-in has version 1.0; on Fedora's own image it is a new package. */
export async function greetingUpgrade(version: string, output: string): Promise<PackageUpgrade> {
  const files = await mkdtemp(join(tmpdir(), "greeting-"));
  try {
    await stageGreeting(files, version);
    const summary = "A package that the demo upgrades";
    const file = await makeRpm({ name: "greeting", version, release: "1", summary, license: "MIT", files, arch: "noarch", output });
    const fileName = basename(file);
    const dockerfileLines = `COPY packages/${fileName} /tmp/\nRUN rpm -U /tmp/${fileName} && rm /tmp/${fileName}\n`;
    return { file, fileName, dockerfileLines };
  } finally {
    await rm(files, { recursive: true, force: true });
  }
}

/** The Dockerfile with the upgrade right after its last FROM: further down, USER may have taken the right to install away. */
export function addUpgrade(dockerfile: string, upgrade: Pick<PackageUpgrade, "dockerfileLines">): string {
  const lines = dockerfile.split("\n");
  const last = lines.findLastIndex((line) => /^\s*FROM\s/i.test(line));
  return [...lines.slice(0, last + 1), "", ...upgrade.dockerfileLines.trimEnd().split("\n"), ...lines.slice(last + 1)].join("\n");
}
