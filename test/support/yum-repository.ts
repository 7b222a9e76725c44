import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type Docker from "dockerode";
import { makeRpm, type RpmRequest } from "../../demo/make-rpm.ts";
import { serveDirectory } from "./served-files.ts";
import { runProgram } from "./skopeo.ts";

/** A package with a text, and a program that prints it and those of packages whose names go on from its own. */
export interface SmallPackage extends Pick<RpmRequest, "name" | "version" | "release" | "license" | "requires"> {
  /** Home and fingerprint of the key that signs it; unsigned when left out. */
  readonly key?: { readonly home: string; readonly fingerprint: string };
}

export interface YumRepository extends AsyncDisposable {
  /** Where containers on the engine's default bridge reach it. */
  readonly url: string;
  /** Paths in the order in which they were asked for. */
  readonly asked: readonly string[];
  /** Makes the package, puts it beside the others and lists them anew. Path of the file. */
  publish(request: SmallPackage): Promise<string>;
}

/** A repository as createrepo makes it, empty at first, below `directory`. */
export async function yumRepository(docker: Docker, directory: string): Promise<YumRepository> {
  await mkdir(directory, { recursive: true });
  const served = await serveDirectory(directory, await bridgeAddress(docker));
  return {
    ...{ url: `http://${served.host}`, asked: served.asked },
    publish: async ({ key, ...request }) => {
      const files = join(directory, "..", `${request.name}-files`);
      const text = join(files, "usr/share", request.name);
      await mkdir(text, { recursive: true });
      await mkdir(join(files, "usr/bin"), { recursive: true });
      await writeFile(join(text, "text"), `${request.name} ${request.version}\n`);
      await writeFile(join(files, "usr/bin", request.name), `#!/bin/sh\nexec cat /usr/share/${request.name}*/text\n`, { mode: 0o755 });
      const made = await makeRpm({ ...request, summary: `Says ${request.name}`, arch: "noarch", files, output: directory });
      await rm(files, { recursive: true });
      if (key !== undefined) await signPackage(made, key);
      await succeed("createrepo_c", ["--quiet", directory]);
      return made;
    },
    [Symbol.asyncDispose]: served.stop,
  };
}

async function signPackage(file: string, key: { readonly home: string; readonly fingerprint: string }): Promise<void> {
  // Debian's rpm was built where no gpg was, and knows of none.
  const definitions = ["--define", "__gpg /usr/bin/gpg", "--define", `_gpg_name ${key.fingerprint}`];
  await succeed("rpmsign", ["--addsign", ...definitions, file], { GNUPGHOME: key.home });
}

/** What a package file itself says, in rpm's words. */
export async function askPackage(file: string, format: string): Promise<string> {
  return succeed("rpm", ["-qp", "--nosignature", "--qf", format, file]);
}

/** This machine's address on the engine's default bridge, whichever bridge that is. */
async function bridgeAddress(docker: Docker): Promise<string> {
  const { Options } = await docker.getNetwork("bridge").inspect();
  const name = Options?.["com.docker.network.bridge.name"] ?? "docker0";
  // Node's own list leaves out a bridge that no container is on at the moment.
  const [bridge] = JSON.parse(await succeed("ip", ["-json", "-4", "address", "show", "dev", name]));
  const [address] = bridge?.addr_info ?? [];
  if (address?.local === undefined) throw new Error(`the engine's bridge ${name} has no address on this machine`);
  return address.local;
}

async function succeed(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const result = await runProgram(program, args, env);
  if (result.exitCode !== 0) throw new Error(`${program} ended with ${result.exitCode}: ${result.stdout}${result.stderr}`);
  return result.stdout;
}
