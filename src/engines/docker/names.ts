import { createHash } from "node:crypto";
import { appError } from "../../domain/errors.ts";

/**
 * What this installation calls the things it makes on an engine that others use too. Keys are written so that they can be read back
 * from a name: names cannot be forged by an image (labels can, they are inherited), so clean-up goes by names; labels are for people.
 */
export interface Names {
  /** `flibs-build/<installation>/<key>`: the tag that remembers a finished build. */
  buildRepository(key: string): string;
  /** `flibs-run/<installation>/<key>`: the tag of what commands before a test have left, while the test is going on. */
  runRepository(key: string): string;
  /** `flibs.<installation>.<purpose>.<key>`. */
  container(purpose: "run" | "inspect", key: string): string;
  labels(key: string): Record<string, string>;
  /** `<hash of key>.<installation>.flibs.invalid:127.0.0.1`: a line of the hosts file of each container in which the build's steps run. */
  buildMark(key: string): string;
  /** The key of a tag or container of this installation; undefined for everything else. */
  keyOfTag(tag: string): string | undefined;
  keyOfContainer(name: string): string | undefined;
}

/** `installation`: lower-case letters, digits and single dashes, at most 40; throws `config.invalid`. */
export function installationNames(installation: string): Names {
  if (!/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(installation) || installation.length > 40) {
    throw appError("config.invalid", `the installation id "${installation.slice(0, 60)}" cannot be part of an image name`, {
      hint: "Use at most 40 lower-case letters, digits and single dashes",
    });
  }
  const repositories = { build: `flibs-build/${installation}/`, run: `flibs-run/${installation}/` };
  const container = `flibs.${installation}.`;
  return {
    buildRepository: (key) => repositories.build + encodeKey(key),
    runRepository: (key) => repositories.run + encodeKey(key),
    container: (purpose, key) => `${container}${purpose}.${encodeKey(key)}`,
    labels: (key) => ({ "io.flibs.installation": installation, "io.flibs.key": key }),
    buildMark: (key) => `${createHash("sha256").update(key).digest("hex").slice(0, 40)}.${installation}.flibs.invalid:127.0.0.1`,
    keyOfTag: (tag) => {
      const repository = Object.values(repositories).find((one) => tag.startsWith(one));
      const match = repository === undefined ? null : /^([^:/]+):latest$/.exec(tag.slice(repository.length));
      return match?.[1] === undefined ? undefined : decodeKey(match[1]);
    },
    keyOfContainer: (name) => {
      const match = name.startsWith(container) ? /^(?:run|inspect)\.([^.]+)$/.exec(name.slice(container.length)) : null;
      return match?.[1] === undefined ? undefined : decodeKey(match[1]);
    },
  };
}

/** `ab/c D` gives `kab-2fc-20-44`: reversible, and fits the grammar of repositories, container names and files. */
export function encodeKey(key: string): string {
  const written = [...Buffer.from(key)].map((byte) => {
    const character = String.fromCharCode(byte);
    return /[a-z0-9]/.test(character) ? character : `-${byte.toString(16).padStart(2, "0")}`;
  });
  const name = `k${written.join("")}`;
  // Docker allows 255 characters for the whole repository name.
  if (name.length <= 200) return name;
  throw appError("engine.key-invalid", `the key "${key.slice(0, 80)}…" is too long for the name of an image`);
}

/** Undefined for what {@link encodeKey} did not write. */
export function decodeKey(name: string): string | undefined {
  if (!/^k(?:[a-z0-9]|-[0-9a-f]{2})*$/.test(name)) return undefined;
  const bytes: number[] = [];
  for (const [, hex, character] of name.slice(1).matchAll(/-([0-9a-f]{2})|([a-z0-9])/g)) {
    bytes.push(hex === undefined ? (character ?? "").charCodeAt(0) : Number.parseInt(hex, 16));
  }
  const key = Buffer.from(bytes).toString("utf8");
  return encodeKey(key) === name ? key : undefined;
}
