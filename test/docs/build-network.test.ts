import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { parseSettings } from "../../src/config-load.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/build-network.md"), "utf8");

test("the page's settings are settings", () => {
  const [, yaml = ""] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
  const { network } = parseSettings(
    `${yaml}
forge: {kind: local, directory: /git, hookSecrets: [{env: S}]}
manifests: {repository: releng/manifests}
registries: {candidate: {endpoint: "c.test"}, production: {endpoint: "p.test"}}
signing: {gnupgHome: /g, keys: {candidate: {openpgp: [{fingerprint: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA}]}, production: {openpgp: [{fingerprint: BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB}]}}}
`,
    "flibs.yaml",
  );
  expect(network).toMatchObject({ mode: "closed", group: "flibs", daemon: "own" });
  expect(network.mode === "closed" && network.allow).toHaveLength(4);
});
