import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { githubAddresses } from "../../../src/forge/github/addresses.ts";
import { parseAppKey } from "../../../src/forge/github/app-key.ts";
import { permissionOf } from "../../../src/forge/github/people.ts";

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const pem = privateKey.export({ type: "pkcs1", format: "pem" }).toString();

describe("the private key of the App", () => {
  test.each([
    ["as it was downloaded", pem],
    ["without the last line feed", pem.trim()],
    ["with Windows line feeds", pem.replaceAll("\n", "\r\n")],
    ["with escaped line feeds", pem.replaceAll("\n", "\\n")],
    ["in quotes", JSON.stringify(pem)],
    ["in base64", Buffer.from(pem).toString("base64")],
    [
      "in base64 with line breaks",
      (
        Buffer.from(pem)
          .toString("base64")
          .match(/.{1,76}/g) ?? []
      ).join("\n"),
    ],
  ])("is taken %s", (_how, text) => {
    expect(parseAppKey(text, 123)).toBe(pem);
  });

  test.each([
    ["nothing", ""],
    ["a first line", "-----BEGIN RSA PRIVATE KEY-----"],
    ["a public key", generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ type: "spki", format: "pem" }).toString()],
    ["another kind of key", generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString()],
    ["a word", "secret"],
  ])("is not %s", (_what, text) => {
    expect(() => parseAppKey(text, 123)).toThrow("the private key of GitHub App 123 is no RSA key in PEM format");
  });
});

test.each([
  [undefined, "https://api.github.com", "https://github.com"],
  ["https://api.github.com", "https://api.github.com", "https://github.com"],
  ["https://github.com/", "https://api.github.com", "https://github.com"],
  ["https://git.example.test", "https://git.example.test/api/v3", "https://git.example.test"],
  ["https://git.example.test/", "https://git.example.test/api/v3", "https://git.example.test"],
  ["https://git.example.test/api/v3/", "https://git.example.test/api/v3", "https://git.example.test"],
  ["http://127.0.0.1:8080/api/v3", "http://127.0.0.1:8080/api/v3", "http://127.0.0.1:8080"],
  ["https://acme.ghe.com", "https://api.acme.ghe.com", "https://acme.ghe.com"],
  ["https://api.acme.ghe.com", "https://api.acme.ghe.com", "https://acme.ghe.com"],
])("the base URL %p is the API at %s and git at %s", (baseUrl, api, git) => {
  expect(githubAddresses(baseUrl)).toEqual({ api, git });
});

test.each(["github", "ftp://git.example.test", "https://user@git.example.test", "https://git.example.test/?x=1"])(
  "%p is no base URL",
  (baseUrl) => {
    expect(() => githubAddresses(baseUrl)).toThrow("is no address of a GitHub server");
  },
);

test.each([
  ["admin", "admin", "admin"],
  ["maintain", "write", "maintain"],
  ["triage", "read", "triage"],
  ["read", "read", "read"],
  ["security manager", "write", "write"],
  ["a custom role", "read", "read"],
  [undefined, "admin", "admin"],
  ["", "none", "none"],
  ["what comes next", "what comes next", "none"],
] as const)("the role %p that stands on %p is %s", (role, legacy, wanted) => {
  expect(permissionOf(role, legacy)).toBe(wanted);
});
