import { createPrivateKey, randomUUID, sign } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { scratchDirectory } from "../../support/scratch-directory.ts";
import { runProgram } from "../../support/skopeo.ts";

/** docker-registry lets tokens live on for a minute after their end. */
const leewayS = 60;

/**
 * A token server that docker-registry believes: RS256 with the certificate in `x5c`, every asked scope granted. `lifeS` is how long the registry
 * takes a token, `promisedS` what the answer says of it.
 */
export async function startTokenIssuer(
  credential: { readonly username: string; readonly password: string },
  lifeS = 300 + leewayS,
  promisedS = 300,
) {
  let issued = 0;
  const scratch = await scratchDirectory("issuer-");
  const [key, certificate] = [join(scratch.path, "key.pem"), join(scratch.path, "cert.pem")];
  const subject = ["-subj", "/CN=issuer.example.test", "-days", "2"];
  const made = await runProgram("openssl", [
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-keyout",
    key,
    "-out",
    certificate,
    ...subject,
  ]);
  if (made.exitCode !== 0) throw new Error(made.stderr);
  const privateKey = createPrivateKey(await readFile(key));
  const x5c = (await readFile(certificate, "utf8")).replace(/-----[^-]+-----|\s/g, "");
  const expected = `Basic ${Buffer.from(`${credential.username}:${credential.password}`).toString("base64")}`;
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://issuer");
    if (request.headers.authorization !== expected) return void response.writeHead(401).end();
    const access = url.searchParams.getAll("scope").map((scope) => {
      const [type, name, actions] = scope.split(":");
      return { type, name, actions: actions?.split(",") };
    });
    issued += 1;
    const now = Math.floor(Date.now() / 1000);
    const times = { exp: now + lifeS - leewayS, nbf: now - leewayS - 10, iat: now - leewayS - 10 };
    const claims = { iss: "tests", sub: credential.username, aud: "registry", ...times, jti: randomUUID(), access };
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const signed = `${encode({ typ: "JWT", alg: "RS256", x5c: [x5c] })}.${encode(claims)}`;
    const token = `${signed}.${sign("sha256", Buffer.from(signed), privateKey).toString("base64url")}`;
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ token, expires_in: promisedS }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const realm = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  return {
    /** Tokens given out so far. */
    issued: () => issued,
    config: `auth: { token: { realm: "${realm}", service: registry, issuer: tests, rootcertbundle: ${JSON.stringify(certificate)} } }`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await scratch.remove();
    },
  };
}
