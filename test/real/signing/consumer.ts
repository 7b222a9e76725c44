import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Digest } from "../../../src/domain/digest.ts";
import { silentLog } from "../../../src/log.ts";
import { consumerFiles } from "../../../src/signing/consumer-files.ts";
import { openGnupgHome } from "../../../src/signing/openpgp/gnupg-home.ts";
import { openGpgChecker } from "../../../src/signing/openpgp/gpg-checker.ts";
import { exportKey, exportKeyring } from "../../../src/signing/openpgp/gpg-sign.ts";
import { openLookasideDirectory } from "../../../src/signing/openpgp/lookaside-directory.ts";
import { type OpenpgpKey, openpgpSigner } from "../../../src/signing/openpgp/openpgp-signer.ts";
import { writeConsumerFiles } from "../../../src/signing/openpgp/write-consumer-files.ts";
import { openpgpJudge } from "../../../src/signing/signature-judge.ts";
import type { SignatureSource } from "../../../src/signing/signature-source.ts";
import { type ImageVerification, verifyImage } from "../../../src/signing/verify-image.ts";
import { startDockerRegistry } from "../../support/docker-registry.ts";
import { gnupgHome } from "../../support/gnupg.ts";
import { scratchDirectory } from "../../support/scratch-directory.ts";
import { type ProgramResult, runProgram, skopeo } from "../../support/skopeo.ts";
import { readOnlyRegistry } from "./pushed-image.ts";

/**
 * Everything that the judgement of one real skopeo needs: a registry, keys (made in 2020, so that signatures may be dated back), and the
 * consumer files that flibs hands out.
 */
export async function startConsumer() {
  const registry = await startDockerRegistry();
  const scratch = await scratchDirectory();
  const keys = await gnupgHome();
  const gnupg = openGnupgHome({ directory: keys.path, timeoutMs: 20_000, agent: true });
  const gpg = async (args: readonly string[], input?: string | Uint8Array) => {
    const result = await gnupg.run({ args, ...(input === undefined ? {} : { input }) });
    if (result.exitCode !== 0) throw new Error(`gpg ${args.join(" ")}: ${result.said}`);
    return result;
  };
  const makeKey = async (name: string, expires = "never") => {
    const past = ["--faked-system-time", "20200101T000000", "--passphrase", "", "--pinentry-mode", "loopback"];
    const made = await gpg([...past, "--quick-gen-key", name, "rsa3072", "sign", expires]);
    return made.status.find((line) => line.startsWith("KEY_CREATED"))?.split(" ")[2] ?? "";
  };
  const keyNames = { good: await makeKey("Good"), other: await makeKey("Other"), expired: await makeKey("Expired", "2y") };
  const past = ["--faked-system-time", "20200101T000000", "--passphrase", "", "--pinentry-mode", "loopback"];
  await gpg([...past, "--quick-add-key", keyNames.good, "rsa3072", "sign"]);
  const listed = await gpg(["--with-colons", "--list-secret-keys", keyNames.good]);
  const subkey = [...listed.output.toString().matchAll(/^fpr:+([0-9A-F]{40}):/gm)].map((match) => match[1]).at(-1) ?? "";
  const checkers = new Map<string, Awaited<ReturnType<typeof openGpgChecker>>>();

  /** A lookaside, policy and registries.d of one test's own; `base` when it is served, `more` keys that the consumer takes as well. */
  async function world(key: string, options: { base?: string; lookaside?: string; more?: readonly string[] } = {}) {
    const directory = await mkdtemp(join(scratch.path, "w-"));
    const lookaside = options.lookaside ?? join(directory, "lookaside");
    await mkdir(lookaside, { recursive: true });
    const publicKey = await exportKey(gnupg, key);
    const keyring = await exportKeyring(gnupg, [key, ...(options.more ?? [])]);
    const cosignKeys: readonly string[] = [];
    const stage = {
      stage: "production",
      publicName: registry.endpoint,
      lookaside: options.base ?? pathToFileURL(lookaside).href,
      keyring,
      cosignKeys,
    };
    await writeConsumerFiles(directory, consumerFiles([stage]));
    // podman takes no --registries.d.
    await mkdir(join(directory, ".config/containers"), { recursive: true });
    await symlink(join(directory, "registries.d"), join(directory, ".config/containers/registries.d"));
    const source: SignatureSource = openLookasideDirectory(lookaside);
    const defaults = { creator: "flibs test", timeoutMs: 20_000, log: silentLog, now: () => new Date() };
    const signerWith = (keys: readonly OpenpgpKey[]) =>
      openpgpSigner({ ...defaults, stage: "production", gnupgHome: gnupg, keys, lookaside });
    const world = {
      lookaside,
      signerWith,
      signer: signerWith([{ fingerprint: key, use: "sign" }]),
      async plant(repository: string, digest: Digest, files: readonly (Uint8Array | string)[]) {
        const place = join(lookaside, `${repository}@${digest.replace(":", "=")}`);
        await mkdir(place, { recursive: true });
        for (const [i, bytes] of files.entries()) await writeFile(join(place, `signature-${i + 1}`), bytes);
      },
      /** Copies under the policy, with what stands in GnuPG homes of this test only; signing copies go to another `destination` unjudged. */
      async pull(name: string, more: readonly string[] = [], destination?: string): Promise<ProgramResult> {
        const out = await mkdtemp(join(directory, "out-"));
        const judge = destination === undefined ? ["--policy", join(directory, "policy.json")] : ["--insecure-policy"];
        const policy = [...judge, "--registries.d", join(directory, "registries.d")];
        const result = await skopeo(
          [...policy, "copy", "--src-tls-verify=false", ...more, `docker://${registry.endpoint}/${name}`, destination ?? `dir:${out}`],
          {
            HOME: directory,
            ...(destination === undefined ? {} : { GNUPGHOME: keys.path }),
          },
        );
        await rm(out, { recursive: true });
        return result;
      },
      /** Pulled by podman for this machine's platform, into the store that all tests share. */
      async podmanPull(name: string): Promise<ProgramResult> {
        const store = ["--root", join(scratch.path, "store"), "--runroot", join(scratch.path, "run"), "--storage-driver", "vfs"];
        const policy = ["--tls-verify=false", "--signature-policy", join(directory, "policy.json")];
        return await runProgram("podman", [...store, "pull", "--quiet", ...policy, `${registry.endpoint}/${name}`], { HOME: directory });
      },
      async verify(repository: string, reference: string, signatures = source): Promise<ImageVerification> {
        let checker = checkers.get(key);
        checker ??= await openGpgChecker({ publicKeys: publicKey, fingerprints: [key], timeoutMs: 20_000 });
        checkers.set(key, checker);
        const at = { registry: readOnlyRegistry(registry.url), repository, reference, publicName: registry.endpoint };
        return await verifyImage({ ...at, judges: [openpgpJudge(signatures, checker)] });
      },
    };
    /** Who takes it, of those that users have. */
    const accepts = async (name: string) => ({
      skopeo: (await world.pull(name)).exitCode === 0,
      podman: (await world.podmanPull(name)).exitCode === 0,
    });
    return { ...world, accepts };
  }
  return {
    registry,
    keys: { ...keyNames, subkey },
    gpg,
    world,
    async stop() {
      for (const checker of checkers.values()) await checker.close();
      await gnupg.close();
      await runProgram("gpgconf", ["--homedir", keys.path, "--kill", "gpg-agent"]);
      await keys.remove();
      await registry.stop();
      await scratch.remove();
    },
  };
}
