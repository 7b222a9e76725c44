import { posix } from "node:path";
import type Docker from "dockerode";
import tar from "tar-stream";
import { type Digest, parseDigest } from "../../domain/digest.ts";
import { appError } from "../../domain/errors.ts";
import type { ImageConfig, InspectedImage } from "../engine.ts";
import { ask, statusOf, translate } from "./docker-client.ts";
import { linkTargetOf } from "./link-target.ts";
import { removeContainer, removeContainerAtEnd } from "./step-containers.ts";

export interface InspectContext {
  readonly docker: Docker;
  readonly socket: string;
  /** Name and labels of the container that is made to read files through; it is never started. */
  readonly container: { readonly name: string; readonly labels: Record<string, string> };
  /** For all files of one call together. */
  readonly maxFileBytes: number;
}

/** Errors: `engine.image-missing`, `engine.file-too-large`. */
export async function inspectImage(context: InspectContext, imageId: Digest, paths: readonly string[]): Promise<InspectedImage> {
  const { docker, socket } = context;
  const looking = ask(socket, `look at the image ${imageId}`, docker.getImage(imageId).inspect().catch(missing(imageId)));
  const reading = paths.length === 0 ? Promise.resolve({}) : readThroughContainer(context, imageId, paths);
  await Promise.allSettled([looking, reading]);
  const info = await looking;
  return {
    imageId,
    platform: `${info.Os}/${info.Architecture}`,
    created: info.Created,
    sizeBytes: info.Size,
    diffIds: (info.RootFS?.Layers ?? []).map(parseDigest),
    config: imageConfig(info.Config),
    files: await reading,
  };
}

function missing(image: string) {
  return (error: unknown): never => {
    if (statusOf(error) === 404) throw appError("engine.image-missing", `the image ${image} is not on this engine`, { cause: error });
    throw error;
  };
}

export function imageConfig(config: Docker.ImageInspectInfo["Config"] & { StopSignal?: string }): ImageConfig {
  const list = (value: string | readonly string[] | null | undefined) => (typeof value === "string" ? [value] : [...(value ?? [])]);
  return {
    user: config.User ?? "",
    entrypoint: list(config.Entrypoint),
    cmd: list(config.Cmd),
    env: list(config.Env),
    workingDir: config.WorkingDir ?? "",
    exposedPorts: Object.keys(config.ExposedPorts ?? {}).toSorted(),
    volumes: Object.keys(config.Volumes ?? {}).toSorted(),
    stopSignal: config.StopSignal ?? "",
    labels: { ...config.Labels },
  };
}

async function readThroughContainer(
  context: InspectContext,
  imageId: Digest,
  paths: readonly string[],
): Promise<Record<string, Uint8Array>> {
  const { docker, socket, container: own } = context;
  await removeContainer(docker, socket, own.name);
  // A command must be named, else images without one cannot be made into a container; it never runs.
  const container = await ask(
    socket,
    `make a container of ${imageId}`,
    docker
      .createContainer({
        name: own.name,
        Image: imageId,
        Entrypoint: ["/never-started"],
        Cmd: [],
        Labels: own.labels,
        HostConfig: { NetworkMode: "none" },
      })
      .catch(missing(imageId)),
  );
  try {
    const reader = { container, socket, left: context.maxFileBytes, limit: context.maxFileBytes, read: new Map<string, string>() };
    const files: Record<string, Uint8Array> = {};
    for (const path of paths) await readPath(reader, path, files);
    return files;
  } finally {
    await removeContainerAtEnd(docker, socket, own.name);
  }
}

/** What an entry of a tar costs without its content. */
const entryBytes = 512;

interface Reader {
  readonly container: Docker.Container;
  readonly socket: string;
  readonly limit: number;
  left: number;
  /** Real places that were read, and the path that was asked for each. */
  readonly read: Map<string, string>;
}

/** More links than these are a circle. */
const mostHops = 10;

/** The head of each archive tells whether it is only that of a symbolic link (`/var/lib/rpm` on Fedora), and where that leads. */
async function readPath(reader: Reader, asked: string, files: Record<string, Uint8Array>): Promise<void> {
  let at = posix.resolve("/", asked);
  for (let hops = 0; hops < mostHops; hops++) {
    const before = reader.read.get(at);
    if (before !== undefined) return nameAgain(files, before, asked);
    const body = await openArchive(reader, at, asked);
    if (body === undefined) return;
    try {
      const target = linkTargetOf(body);
      if (target === undefined || target === at) {
        reader.read.set(at, asked);
        return await readArchive(reader, body, asked, files);
      }
      at = posix.resolve("/", target);
    } finally {
      (body as unknown as { destroy(): void }).destroy();
    }
  }
}

/** Undefined when nothing is there. */
function openArchive({ container, socket }: Reader, path: string, asked: string): Promise<NodeJS.ReadableStream | undefined> {
  const opened = container.getArchive({ path }).catch((error: unknown) => {
    if (statusOf(error) === 404) return undefined;
    throw error;
  });
  return ask(socket, `read ${asked}`, opened).catch((error: unknown) => {
    // One that comes too late would be read by nobody, and its container could not be removed.
    opened.then(
      (late) => (late as { destroy?(): void } | undefined)?.destroy?.(),
      () => {},
    );
    throw error;
  });
}

/** The same files under another name: `/var/lib/rpm` leads to the database that was read already, which need not come a second time. */
function nameAgain(files: Record<string, Uint8Array>, before: string, asked: string): void {
  const inside = `${before.replace(/\/+$/, "")}/`;
  for (const [path, bytes] of Object.entries(files)) {
    if (path === before || path.startsWith(inside)) files[`${asked.replace(/\/+$/, "")}${path.slice(inside.length - 1)}`] = bytes;
  }
}

async function readArchive(reader: Reader, body: NodeJS.ReadableStream, asked: string, files: Record<string, Uint8Array>): Promise<void> {
  const extract = tar.extract();
  body.on("error", (error: Error) => extract.destroy(error));
  body.pipe(extract);
  try {
    for await (const entry of extract) {
      const { name, type, size = 0, linkname } = entry.header;
      // What has no content counts too: millions of empty files and links must not come into memory, nor take for ever.
      reader.left -= entryBytes + (type === "file" || type === "contiguous-file" ? size : 0);
      if (reader.left < 0) throw tooLarge(asked, reader.limit);
      if (type === "file" || type === "contiguous-file") {
        const chunks: Uint8Array[] = [];
        for await (const chunk of entry) chunks.push(chunk as Uint8Array);
        files[pathInside(asked, name)] = Buffer.concat(chunks);
      } else {
        const same = type === "link" && linkname ? files[pathInside(asked, linkname)] : undefined;
        if (same !== undefined) files[pathInside(asked, name)] = same;
        entry.resume();
      }
    }
  } catch (error) {
    throw translate(reader.socket, `read ${asked}`, error);
  }
}

/** The archive of `/a/b` names its entries `b` or `b/...`, whatever `b` was a link to; the caller knows them by what it asked for. */
function pathInside(asked: string, name: string): string {
  const below = name.replace(/\/$/, "").split("/").slice(1);
  return [asked.replace(/\/+$/, ""), ...below].join("/");
}

function tooLarge(path: string, limit: number) {
  return appError("engine.file-too-large", `${path} in the image is larger than the ${Math.floor(limit / 2 ** 20)} MiB that are read`, {
    hint: "Make the files smaller: they are read to describe the image",
  });
}
