import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { expect, test } from "@jest/globals";
import { requireDocker } from "../../support/docker.ts";
import { registryCredential, startDockerRegistry } from "../../support/docker-registry.ts";
import { endAgent, exportPublicKey, gnupgHome, makeKey } from "../../support/gnupg.ts";
import { runProgram, skopeo } from "../../support/skopeo.ts";

test("a registry starts on a free port, answers, and leaves nothing behind", async () => {
  const registry = await startDockerRegistry();
  const other = await startDockerRegistry();
  expect((await fetch(`${registry.url}/v2/_catalog`)).status).toBe(200);
  expect(other.endpoint).not.toBe(registry.endpoint);
  await registry.stop();
  await registry.stop();
  await expect(fetch(`${registry.url}/v2/`)).rejects.toThrow();
  expect((await fetch(`${other.url}/v2/`)).status).toBe(200);
  await other.stop();
  const left = (await readdir(tmpdir())).map((name) => `${tmpdir()}/${name}`);
  expect(left).not.toContain(registry.storage.replace(/\/storage$/, ""));
});

test("a registry with basic auth wants its credential", async () => {
  await using registry = await startDockerRegistry({ auth: "basic" });
  const { username, password } = registryCredential;
  const ask = (pair: string) => fetch(`${registry.url}/v2/`, { headers: { authorization: `Basic ${btoa(pair)}` } });
  expect((await fetch(`${registry.url}/v2/`)).status).toBe(401);
  expect((await ask(`${username}:wrong`)).status).toBe(401);
  expect((await ask(`${username}:${password}`)).status).toBe(200);
});

test("a key made for a test signs, and its agent ends with its home", async () => {
  await using home = await gnupgHome();
  const fingerprint = await makeKey(home.path, "Alice of Candidates");
  expect(fingerprint).toMatch(/^[0-9A-F]{40}$/);
  expect(await exportPublicKey(home.path, fingerprint)).toContain("BEGIN PGP PUBLIC KEY BLOCK");
  const signed = await runProgram("gpg", [
    "--batch",
    "--homedir",
    home.path,
    "-u",
    `${fingerprint}!`,
    "--output",
    `${home.path}/signed`,
    "--clearsign",
    "/etc/hostname",
  ]);
  expect(signed.exitCode).toBe(0);
  await endAgent(home.path);
  expect((await runProgram("gpg-connect-agent", ["--homedir", home.path, "--no-autostart", "/bye"])).stderr).toContain(
    "no gpg-agent running",
  );
});

test("a refusal of skopeo is a result, a missing program an error that tells what to do", async () => {
  await using registry = await startDockerRegistry();
  const refused = await skopeo(["inspect", "--tls-verify=false", `docker://${registry.endpoint}/nothing:here`]);
  expect(refused.exitCode).not.toBe(0);
  expect(refused.stderr).toContain("manifest unknown");
  await expect(runProgram("flibs-no-such-program", [])).rejects.toThrow("is not installed: run scripts/setup");
});

test("an engine that does not answer is an error that tells what to do", async () => {
  await expect(requireDocker("/nonexistent/docker.sock")).rejects.toThrow(
    /Docker Engine does not answer on \/nonexistent\/docker.sock .*: run scripts\/setup/,
  );
  const docker = await requireDocker();
  expect((await docker.version()).Version).toMatch(/^\d+/);
});
