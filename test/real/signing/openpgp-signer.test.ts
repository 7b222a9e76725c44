import { readdir, readlink, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { digestOf } from "../../../src/domain/digest.ts";
import { silentLog } from "../../../src/log.ts";
import { expiresSoon, formatExpiry } from "../../../src/signing/key-watch.ts";
import { openGnupgHome } from "../../../src/signing/openpgp/gnupg-home.ts";
import { openLookasideDirectory } from "../../../src/signing/openpgp/lookaside-directory.ts";
import { type OpenpgpSignerOptions, openpgpSigner } from "../../../src/signing/openpgp/openpgp-signer.ts";
import { watchKeys } from "../../../src/signing/openpgp/watch-keys.ts";
import { signerContract } from "../../contract/signer.contract.ts";
import { gnupgHome, makeKey } from "../../support/gnupg.ts";
import { scratchDirectory } from "../../support/scratch-directory.ts";
import { runProgram } from "../../support/skopeo.ts";

let keys: Awaited<ReturnType<typeof gnupgHome>>;
let fingerprint: string;
const never = new AbortController().signal;
const digest = digestOf("image");
const name = (tag: string) => `registry.example.test/f40/cockpit:${tag}`;

beforeAll(async () => {
  keys = await gnupgHome();
  fingerprint = await makeKey(keys.path, "Candidate");
});
afterAll(() => keys.remove());

const signing = (key: string, passphrase?: string) => [{ fingerprint: key, use: "sign" as const, passphrase }];

/** A signer with a lookaside of its own; `close` leaves nothing behind. */
async function signerWith(options: Partial<OpenpgpSignerOptions> & { directory?: string } = {}) {
  const scratch = await scratchDirectory();
  const gnupg = openGnupgHome({ directory: options.directory ?? keys.path, timeoutMs: 20_000, agent: true });
  const defaults = {
    stage: "candidate",
    keys: signing(fingerprint),
    creator: "flibs test",
    timeoutMs: 20_000,
    log: silentLog,
    now: () => new Date(),
  };
  const signer = openpgpSigner({ ...defaults, gnupgHome: gnupg, lookaside: scratch.path, ...options });
  const close = async () => {
    await signer.close();
    await gnupg.close();
    await scratch.remove();
  };
  return { signer, lookaside: options.lookaside ?? scratch.path, close };
}

describe("the OpenPGP signer", () => {
  signerContract({ create: signerWith });

  test("signers in several places append without a gap and without losing one", async () => {
    const { signer, lookaside, close } = await signerWith();
    const others = await Promise.all([1, 2].map(() => signerWith({ lookaside })));
    const tags = ["1", "2", "3", "4", "5", "6"];
    const all = [signer, ...others.map((one) => one.signer)];
    const added = await Promise.all(
      tags.map((tag, i) => (all[i % 3] as typeof signer).ensureSigned([{ digest, publicName: name(tag) }], never)),
    );
    expect(added).toEqual([1, 1, 1, 1, 1, 1]);
    const files = await readdir(join(lookaside, `f40/cockpit@sha256=${digest.slice(7)}`));
    expect(files.toSorted()).toEqual(tags.map((n) => `signature-${n}`));
    expect(await readdir(join(lookaside, ".locks"))).toEqual([]);
    await Promise.all([close(), ...others.map((one) => one.close())]);
  });

  test("DG16: a link in a signature's place is found, never followed, and set aside when something is signed there", async () => {
    const { signer, lookaside, close } = await signerWith();
    await signer.ensureSigned([{ digest, publicName: name("1") }], never);
    const place = `f40/cockpit@sha256=${digest.slice(7)}`;
    const directory = join(lookaside, place);
    await symlink("/etc/passwd", join(directory, "signature-2"));
    await writeFile(join(directory, "notes.txt"), "hello");
    const verdicts = async () => (await signer.listSignatures("registry.example.test/f40/cockpit", digest)).map((one) => one.verdict);
    expect(await verdicts()).toEqual(["valid", "unreadable"]);
    expect(await openLookasideDirectory(lookaside).listStray("f40/cockpit", digest)).toEqual(
      expect.arrayContaining(["notes.txt", "signature-2"]),
    );
    await signer.ensureSigned([{ digest, publicName: name("2") }], never);
    expect(await verdicts()).toEqual(["valid", "valid"]);
    const [aside = ""] = await readdir(join(lookaside, ".aside", place));
    expect(await readlink(join(lookaside, ".aside", place, aside))).toBe("/etc/passwd");
    expect(await openLookasideDirectory(lookaside).listStray("f40/cockpit", digest)).toEqual(["notes.txt"]);
    await close();
  });

  test("the agent that signing started ends with the home, one that ran before stays", async () => {
    const own = await gnupgHome();
    const key = await makeKey(own.path, "Own");
    const runs = async () => {
      const asked = await runProgram("gpg-connect-agent", ["--homedir", own.path, "--no-autostart", "GETINFO pid", "/bye"]);
      return asked.stdout.startsWith("D ");
    };
    const sign = async () => {
      const { signer, close } = await signerWith({ directory: own.path, keys: signing(key) });
      await signer.ensureSigned([{ digest, publicName: name("1") }], never);
      expect(await runs()).toBe(true);
      await close();
    };
    await runProgram("gpgconf", ["--homedir", own.path, "--kill", "gpg-agent"]);
    await sign();
    expect(await runs()).toBe(false);
    await runProgram("gpg-connect-agent", ["--homedir", own.path, "/bye"]);
    await sign();
    expect(await runs()).toBe(true);
    await own.remove();
  });

  test("an agent that was there and has ended since is not taken for the one that gpg started after it", async () => {
    const own = await gnupgHome();
    const key = await makeKey(own.path, "Own");
    const ask = ["--homedir", own.path, "--no-autostart", "GETINFO pid", "/bye"];
    const runs = async () => (await runProgram("gpg-connect-agent", ask)).stdout.startsWith("D ");
    await runProgram("gpg-connect-agent", ["--homedir", own.path, "/bye"]);
    const { signer, close } = await signerWith({ directory: own.path, keys: signing(key) });
    await signer.ensureSigned([{ digest, publicName: name("1") }], never);
    await runProgram("gpgconf", ["--homedir", own.path, "--kill", "gpg-agent"]);
    for (const end = Date.now() + 5000; (await runs()) && Date.now() < end; );
    await signer.ensureSigned([{ digest, publicName: name("2") }], never);
    expect(await runs()).toBe(true);
    await close();
    expect(await runs()).toBe(false);
    await own.remove();
  });

  test("one that somebody started in its place stays: its keys may be unlocked", async () => {
    const own = await gnupgHome();
    const key = await makeKey(own.path, "Own");
    const pid = async () =>
      (await runProgram("gpg-connect-agent", ["--homedir", own.path, "--no-autostart", "GETINFO pid", "/bye"])).stdout;
    await runProgram("gpg-connect-agent", ["--homedir", own.path, "/bye"]);
    const { signer, close } = await signerWith({ directory: own.path, keys: signing(key) });
    await signer.ensureSigned([{ digest, publicName: name("1") }], never);
    await runProgram("gpgconf", ["--homedir", own.path, "--kill", "gpg-agent"]);
    for (const end = Date.now() + 5000; (await pid()).startsWith("D ") && Date.now() < end; );
    await runProgram("gpg-connect-agent", ["--homedir", own.path, "/bye"]);
    const restarted = await pid();
    await signer.ensureSigned([{ digest, publicName: name("2") }], never);
    await close();
    expect(await pid()).toBe(restarted);
    await own.remove();
  });

  test("a home with a long path works", async () => {
    const scratch = await scratchDirectory();
    const directory = join(scratch.path, "x".repeat(60), "y".repeat(60));
    const key = await makeKey(keys.path, "Long");
    await runProgram("mkdir", ["-p", "-m", "700", directory]);
    const exported = join(scratch.path, "key");
    await runProgram("gpg", ["--homedir", keys.path, "--batch", "--output", exported, "--export-secret-keys", key]);
    const gnupg = openGnupgHome({ directory, timeoutMs: 20_000, agent: true });
    const imported = await gnupg.run({ args: ["--import", exported] });
    expect(imported).toMatchObject({ exitCode: 0 });
    await gnupg.close();
    const { signer, close } = await signerWith({ directory, keys: signing(key) });
    expect(await signer.ensureSigned([{ digest, publicName: name("1") }], never)).toBe(1);
    await close();
    await scratch.remove();
  });
});

describe("a key that consumers would refuse is refused before signing", () => {
  async function quickKey(algorithm: string, expires = "never"): Promise<string> {
    const args = ["--homedir", keys.path, "--batch", "--status-fd", "1", "--passphrase", "", "--quick-gen-key"];
    const made = await runProgram("gpg", [...args, `Key ${algorithm} ${expires}`, algorithm, "sign", expires]);
    return /KEY_CREATED \S+ ([0-9A-F]{40})/.exec(made.stdout)?.[1] ?? "";
  }
  const refusal = async (options: Partial<OpenpgpSignerOptions>) => {
    const { signer, close } = await signerWith(options);
    const error = await signer.ensureSigned([{ digest, publicName: name("1") }], never).then(
      () => undefined,
      (thrown) => thrown,
    );
    await close();
    return error;
  };

  test("an unknown one", async () => {
    expect(await refusal({ keys: signing("B".repeat(40)) })).toMatchObject({ code: "signing.key-missing" });
  });

  test.each(["ed25519", "rsa2048", "nistp384"])("%s", async (algorithm) => {
    expect(await refusal({ keys: signing(await quickKey(algorithm)) })).toMatchObject({ code: "signing.key-unusable" });
  });

  test("NIST P-256 is taken", async () => {
    expect(await refusal({ keys: signing(await quickKey("nistp256")) })).toBeUndefined();
  });

  test("a subkey, with the primary key's fingerprint in the hint", async () => {
    const primary = await quickKey("rsa3072");
    await runProgram("gpg", ["--homedir", keys.path, "--batch", "--passphrase", "", "--quick-add-key", primary, "rsa3072", "sign"]);
    const listed = await runProgram("gpg", ["--homedir", keys.path, "--with-colons", "--list-secret-keys", primary]);
    const subkey = [...listed.stdout.matchAll(/^fpr:+([0-9A-F]{40}):/gm)].map((match) => match[1]).at(-1) ?? "";
    const error = await refusal({ keys: signing(subkey) });
    expect(error).toMatchObject({ code: "signing.key-unusable", hint: expect.stringContaining(primary) });
  });

  test("DG18 one that will have expired; and a warning comes 30 days ahead", async () => {
    const expiring = await quickKey("rsa3072", "10d");
    const warned: unknown[] = [];
    const log = { ...silentLog, warn: (fields: unknown) => void warned.push(fields) } as typeof silentLog;
    expect(await refusal({ keys: signing(expiring) })).toBeUndefined();
    const gnupg = openGnupgHome({ directory: keys.path, timeoutMs: 20_000, agent: true });
    const watched = ["secret", "public"].map((part) => ({ registry: "production", fingerprint: expiring, part: part as "secret" }));
    const found = await watchKeys(gnupg, [...watched, { ...watched[0], fingerprint, registry: "candidate" } as never], Date.now(), log);
    expect(found.map((one) => expiresSoon(one, Date.now()))).toEqual([true, true, false]);
    expect(formatExpiry(found[0] ?? {}, Date.now())).toMatch(/^expires 20\d\d-\S+ \(in 9 days: extend it soon\)$/);
    expect(warned).toEqual([1, 2].map(() => expect.objectContaining({ fingerprint: expiring, expiresAt: expect.stringMatching(/^20/) })));
    const [gone] = await watchKeys(gnupg, [{ registry: "production", fingerprint: "B".repeat(40), part: "public" }], Date.now(), silentLog);
    expect(gone?.problem).toMatchObject({ code: "signing.key-missing" });
    await gnupg.close();
    const later = () => new Date(Date.now() + 11 * 86_400_000);
    expect(await refusal({ keys: signing(expiring), now: later })).toMatchObject({ code: "signing.key-expired" });
  });

  test("a locked one says so, and its passphrase opens it without standing on a command line", async () => {
    const args = ["--homedir", keys.path, "--batch", "--status-fd", "1", "--pinentry-mode", "loopback", "--passphrase", "open sesame"];
    const made = await runProgram("gpg", [...args, "--quick-gen-key", "Locked", "rsa3072", "sign", "never"]);
    const locked = /KEY_CREATED \S+ ([0-9A-F]{40})/.exec(made.stdout)?.[1] ?? "";
    await runProgram("gpgconf", ["--homedir", keys.path, "--kill", "gpg-agent"]);
    expect(await refusal({ keys: signing(locked) })).toMatchObject({ code: "signing.signer-unavailable" });
    expect(await refusal({ keys: signing(locked, "open sesame") })).toBeUndefined();
  });
});
