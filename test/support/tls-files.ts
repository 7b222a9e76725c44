import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface CertificateFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** An authority of its own, and certificates that it has signed: a server's for 127.0.0.1, a client's. */
export async function makeAuthority(directory: string, name: string) {
  const file = (suffix: string) => join(directory, `${name}-${suffix}`);
  const openssl = (...args: string[]) => run("openssl", args);
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await openssl(
    "req",
    "-x509",
    ...newKey,
    "-days",
    "2",
    "-subj",
    `/CN=${name} authority`,
    "-keyout",
    file("ca.key"),
    "-out",
    file("ca.pem"),
  );
  const certificate = async (purpose: "server" | "client"): Promise<CertificateFiles> => {
    const [key, cert, request, extensions] = [
      file(`${purpose}.key`),
      file(`${purpose}.pem`),
      file(`${purpose}.csr`),
      file(`${purpose}.ext`),
    ];
    await writeFile(extensions, `extendedKeyUsage=${purpose}Auth\n${purpose === "server" ? "subjectAltName=IP:127.0.0.1\n" : ""}`);
    await openssl("req", ...newKey, "-subj", `/CN=${name} ${purpose}`, "-keyout", key, "-out", request);
    const signed = ["-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-CAcreateserial", "-days", "2", "-extfile", extensions];
    await openssl("x509", "-req", "-in", request, ...signed, "-out", cert);
    return { ca: file("ca.pem"), cert, key };
  };
  return { server: await certificate("server"), client: await certificate("client") };
}
