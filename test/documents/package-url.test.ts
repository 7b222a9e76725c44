import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { PackageURL } from "packageurl-js";
import { imagePurl, rpmPurl } from "../../src/documents/package-url.ts";
import { aRpm } from "../support/finished-build.ts";

const fedora = { id: "fedora", version: "42" };

test.each([
  [aRpm("bash"), fedora, "pkg:rpm/fedora/bash@1.0-1.fc42?arch=x86_64&distro=fedora-42"],
  [
    aRpm("libstdc++", { epoch: 2, version: "1~rc1^git" }),
    fedora,
    "pkg:rpm/fedora/libstdc%2B%2B@1~rc1%5Egit-1.fc42?arch=x86_64&distro=fedora-42&epoch=2",
  ],
  [aRpm("a", { epoch: 0 }), { id: "rhel" }, "pkg:rpm/rhel/a@1.0-1.fc42?arch=x86_64&distro=rhel&epoch=0"],
  [aRpm("a", { arch: undefined }), undefined, "pkg:rpm/a@1.0-1.fc42"],
  [aRpm("a/b@c?d#e"), undefined, "pkg:rpm/a%2Fb%40c%3Fd%23e@1.0-1.fc42?arch=x86_64"],
])("an RPM has a package URL: %#", (rpm, distribution, purl) => {
  expect(rpmPurl(rpm, distribution)).toBe(purl);
});

test("an image is named by its digest, and by where it is", () => {
  expect(imagePurl("registry.example.test:5000/f42/cockpit", `sha256:${"a".repeat(64)}`, "amd64")).toBe(
    `pkg:oci/cockpit@sha256:${"a".repeat(64)}?arch=amd64&repository_url=registry.example.test%3A5000%2Ff42%2Fcockpit`,
  );
});

// Of all characters hardly one is ASCII, where those are that have to be encoded, or must not be.
const text = fc.oneof(...(["binary", "binary-ascii"] as const).map((unit) => fc.string({ unit, minLength: 1, maxLength: 40 })));

test("whatever a database has for a name, the URL says it and nothing else", () => {
  fc.assert(
    fc.property(text, text, text, (name, version, arch) => {
      const purl = rpmPurl(aRpm(name, { version, arch }), fedora);
      expect(purl).toMatch(/^pkg:rpm\/fedora\/[A-Za-z0-9.~_%-]+@[A-Za-z0-9.~_%:-]+\?arch=[A-Za-z0-9.~_%-]+&distro=fedora-42$/);
      const [, told = ""] = /^pkg:rpm\/fedora\/([^@]+)@/.exec(purl) ?? [];
      expect(decodeURIComponent(told)).toBe(name.toWellFormed());
    }),
    { numRuns: 500 },
  );
});

test("the purl authors' library writes the same, and reads what was written", () => {
  // The library leaves these as they are, or encodes them, or cannot read them where the specification has it the other way round.
  const word = text
    .map((found) =>
      found
        .replaceAll(/[!'()*+~%]/g, "")
        .trim()
        .toWellFormed(),
    )
    .filter((found) => found !== "");
  fc.assert(
    fc.property(word, word, word, fc.option(fc.nat(), { nil: undefined }), (name, version, arch, epoch) => {
      const purl = rpmPurl(aRpm(name, { version, arch, epoch }), fedora);
      const qualifiers = { arch, distro: "fedora-42", ...(epoch === undefined ? {} : { epoch: String(epoch) }) };
      expect(purl).toBe(new PackageURL("rpm", "fedora", name, `${version}-1.fc42`, qualifiers, undefined).toString());
      const parsed = PackageURL.fromString(purl);
      expect([parsed.namespace, parsed.name, parsed.version]).toEqual(["fedora", name, `${version}-1.fc42`]);
    }),
    { numRuns: 500 },
  );
});
