import { generateKeyPairSync } from "node:crypto";
import { tmpdir } from "node:os";
import { expect, test } from "@jest/globals";
import { githubForge } from "../../../src/forge/github/github-forge.ts";
import { silentLog } from "../../../src/log.ts";
import { useNock } from "../../support/setup-nock.ts";

// The double stands on loopback; these few tell that without an address of its own the adapter speaks to github.com, and how.
const nock = useNock();
const { privateKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs1", format: "pem" },
});
const open = () =>
  githubForge({
    ...{ name: "github", appId: 7, privateKey, webhookSecrets: ["s"], stateDirectory: tmpdir() },
    ...{ namespace: "containers", manifests: "releng/manifests", log: silentLog },
  });
const token = { token: "ghs_7_aaaa.bbbb.cccc", expires_at: "2099-01-01T00:00:00Z", permissions: {}, repository_selection: "selected" };

function installation() {
  return nock("https://api.github.com", { reqheaders: { authorization: /^[Bb]earer ey/, "user-agent": /flibs/ } })
    .get("/repos/containers/cockpit/installation")
    .reply(200, { id: 42, app_id: 7, account: { login: "containers" } });
}

test("a role is asked for with a token of that one repository, which may read metadata only", async () => {
  installation();
  const asked: unknown[] = [];
  nock("https://api.github.com")
    .post("/app/installations/42/access_tokens", (body: unknown) => asked.push(body) > 0)
    .reply(201, token);
  nock("https://api.github.com", { reqheaders: { authorization: /ghs_7_aaaa/, "x-github-api-version": /^\d{4}-\d\d-\d\d$/ } })
    .get("/repos/containers/cockpit/collaborators/alice/permission")
    .reply(200, { permission: "write", role_name: "maintain", user: { login: "alice" } });
  expect(await open().findPermission("containers/cockpit", "alice")).toBe("maintain");
  expect(asked).toEqual([{ repositories: ["cockpit"], permissions: { metadata: "read" } }]);
});

test("an error of the network is tried again later, and says which repository it was about", async () => {
  nock("https://api.github.com").get("/repos/containers/cockpit/installation").replyWithError("socket hang up");
  await expect(open().findPermission("containers/cockpit", "alice")).rejects.toMatchObject({
    code: "forge.unreachable",
    kind: "transient",
  });
});

test("an owner who has not installed the App is told as such, not as a repository that is missing", async () => {
  nock("https://api.github.com").get("/repos/containers/cockpit/installation").reply(404, { message: "Not Found" });
  nock("https://api.github.com")
    .get("/app/installations")
    .query(true)
    .reply(200, [{ id: 1, app_id: 7, account: { login: "somebody-else" } }]);
  await expect(open().findPermission("containers/cockpit", "alice")).rejects.toMatchObject({
    code: "forge.app-not-installed",
    kind: "input",
  });
});

test("pages are those of github.com, and nobody is asked for them", () => {
  expect(open().pullUrl("containers/cockpit", 7)).toBe("https://github.com/containers/cockpit/pull/7");
  expect(open().pullUrl("containers/cockpit")).toBe("https://github.com/containers/cockpit/pulls");
});
