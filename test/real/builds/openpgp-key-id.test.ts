import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";
import { findSignatureKeyId } from "../../../src/builds/openpgp-key-id.ts";
import { gnupgHome, makeKey } from "../../support/gnupg.ts";

const run = promisify(execFile);

test("a signature that GnuPG makes, as rpmsign has it made, names its key", async () => {
  const home = await gnupgHome();
  try {
    const fingerprint = await makeKey(home.path, "packager");
    const file = join(home.path, "header");
    await writeFile(file, "header of a package");
    await run("gpg", [
      "--homedir",
      home.path,
      "--batch",
      "--pinentry-mode",
      "loopback",
      "--passphrase",
      "",
      "--local-user",
      fingerprint,
      "--detach-sign",
      file,
    ]);
    expect(findSignatureKeyId(await readFile(`${file}.sig`))).toBe(fingerprint.toLowerCase().slice(-16));
  } finally {
    await home.remove();
  }
});
