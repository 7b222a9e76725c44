import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import fc from "fast-check";
import type { BuildRecord, InstalledRpm } from "../../src/builds/build-record.ts";
import { buildDocuments } from "../../src/documents/build-documents.ts";
import { type BuildDocument, formatJson } from "../../src/documents/document.ts";
import { digestHex, digestOf } from "../../src/domain/digest.ts";
import { ContentGeneratorMetadata } from "../../src/koji/metadata-schema.ts";
import { placeholderArchive } from "../../src/koji/placeholder-archive.ts";
import { ProvenanceStatement, SpdxDocument } from "../support/document-schemas.ts";
import { aFinishedBuild, anImage, aRpm, someRpms } from "../support/finished-build.ts";
import { goldenDirectory } from "../support/golden-documents.ts";

const finished = aFinishedBuild();
const documents = buildDocuments(finished);
const find = (name: string, among = documents): BuildDocument => {
  const found = among.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
};
const json = (name: string, among = documents) => JSON.parse(find(name, among).text);
const withRpms = (rpms: readonly InstalledRpm[], changes: Partial<BuildRecord> = {}) =>
  buildDocuments(aFinishedBuild({ images: [anImage("linux/amd64", rpms)], ...changes }));

const schemas = join(import.meta.dirname, "../../node_modules/@cyclonedx/cyclonedx-library/res/schema");
const schema = (name: string) => JSON.parse(readFileSync(join(schemas, `${name}.SNAPSHOT.schema.json`), "utf8"));
/** CycloneDX's published schemas. */
const cycloneDx = (version: string) => {
  const ajv = new Ajv({ strict: false });
  // By the names that the package gave its copies.
  for (const name of ["spdx", "jsf-0.82", "cryptography-defs"])
    ajv.addSchema(schema(name), `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`);
  addFormats.default(ajv);
  // Of members that flibs does not write.
  for (const format of ["iri-reference", "idn-email"]) ajv.addFormat(format, () => false);
  const validate = ajv.compile(schema(`bom-${version}`));
  return (value: unknown) => (validate(value) ? [] : (validate.errors ?? []));
};
const is14 = cycloneDx("1.4");
const is16 = cycloneDx("1.6");

describe("a build for two platforms", () => {
  test("has these documents, each with its type", () => {
    expect(documents.map(({ name, mediaType }) => `${name} ${mediaType}`)).toEqual([
      "metadata.json application/json",
      "icm-x86_64.json application/vnd.cyclonedx+json; version=1.4",
      "icm-aarch64.json application/vnd.cyclonedx+json; version=1.4",
      "x86_64.spdx.json application/spdx+json",
      "x86_64.cdx.json application/vnd.cyclonedx+json; version=1.6",
      "aarch64.spdx.json application/spdx+json",
      "aarch64.cdx.json application/vnd.cyclonedx+json; version=1.6",
      "provenance.intoto.json application/vnd.in-toto+json",
    ]);
    expect(readdirSync(goldenDirectory).toSorted()).toEqual(documents.map(({ name }) => name).toSorted());
  });

  // After a change that is meant: node test/support/golden-documents.ts
  test.each(documents.map(({ name }) => name))("%s is, byte for byte, what stands in test/fixtures/documents", (name) => {
    expect(find(name).text).toBe(readFileSync(join(goldenDirectory, name), "utf8"));
  });

  test("each document is valid", () => {
    expect(ContentGeneratorMetadata.safeParse(json("metadata.json")).error).toBeUndefined();
    expect(ProvenanceStatement.safeParse(json("provenance.intoto.json")).error).toBeUndefined();
    for (const arch of ["x86_64", "aarch64"]) {
      expect(SpdxDocument.safeParse(json(`${arch}.spdx.json`)).error).toBeUndefined();
      expect(is16(json(`${arch}.cdx.json`))).toEqual([]);
      // OSBS's two members are its own.
      const { incompleteness_reasons: reasons, components, ...icm } = json(`icm-${arch}.json`);
      const plain = components.map(({ build_dependency: _, ...component }: Record<string, unknown>) => component);
      expect(is14({ ...icm, components: plain })).toEqual([]);
      expect(components.every((one: Record<string, unknown>) => one.build_dependency === false)).toBe(true);
      expect(reasons).toEqual([{ type: "other", description: "parent build 'registry.fedoraproject.org/golang:1.24' is missing SBOM" }]);
    }
  });

  test("the judges refuse what is wrong", () => {
    expect(is16({ ...json("x86_64.cdx.json"), serialNumber: "7" })).not.toEqual([]);
    expect(is14(json("icm-x86_64.json"))).not.toEqual([]);
    const spdx = json("x86_64.spdx.json");
    expect(SpdxDocument.safeParse({ ...spdx, hasExtractedLicensingInfos: [] }).success).toBe(false);
    expect(
      SpdxDocument.safeParse({ ...spdx, relationships: [{ ...spdx.relationships[1], relatedSpdxElement: "SPDXRef-x" }] }).success,
    ).toBe(false);
    expect(ProvenanceStatement.safeParse({ ...json("provenance.intoto.json"), subject: [] }).success).toBe(false);
  });

  test("what documents say of each other is true", () => {
    const { output } = ContentGeneratorMetadata.parse(json("metadata.json"));
    for (const { name } of documents.filter((one) => one.name.startsWith("icm-"))) {
      const told = output.find((one) => one.filename === name);
      expect(told).toMatchObject({ checksum: digestHex(digestOf(find(name).text)), filesize: Buffer.byteLength(find(name).text) });
    }
    const images = output.filter((one) => one.type === "docker-image");
    expect(images).toHaveLength(2);
    for (const { filename, filesize, checksum, extra } of images) {
      const archive = placeholderArchive(extra?.docker?.repositories ?? []);
      expect({ filesize, checksum }).toEqual({ filesize: archive.length, checksum: digestHex(digestOf(archive)) });
      expect(filename).toMatch(/^docker-image-sha256:[0-9a-f]{64}\.(x86_64|aarch64)\.tar\.gz$/);
    }
    const { byproducts } = json("provenance.intoto.json").predicate.runDetails;
    expect(byproducts.map((one: { name: string; digest: { sha256: string } }) => [one.name, one.digest.sha256])).toEqual(
      documents.slice(0, -1).map(({ name, text }) => [name, digestHex(digestOf(text))]),
    );
  });
});

describe("reproducible", () => {
  test("the same build gives the same bytes, in whatever order its RPMs come", () => {
    const rpms = [...someRpms("x86_64"), aRpm("bash", { arch: "i686" })];
    const before = withRpms(rpms);
    fc.assert(
      fc.property(fc.shuffledSubarray(rpms, { minLength: rpms.length }), (shuffled) => {
        const after = withRpms(shuffled);
        for (const name of ["x86_64.spdx.json", "x86_64.cdx.json", "icm-x86_64.json"])
          expect(find(name, after).text).toBe(find(name, before).text);
      }),
      { numRuns: 15 },
    );
  });

  test("bills of materials follow from the image alone, not from the run that recorded it", () => {
    const other = {
      ...finished,
      build: { ...finished.build, id: "another" },
      described: { ...finished.described, finishedAt: "2027-01-01T00:00:00Z" },
    };
    const again = buildDocuments(other);
    for (const name of ["x86_64.spdx.json", "aarch64.cdx.json"]) expect(find(name, again).text).toBe(find(name).text);
    expect(find("provenance.intoto.json", again).text).not.toBe(find("provenance.intoto.json").text);
  });

  test("a package that a database names twice is listed once", () => {
    expect(json("x86_64.cdx.json", withRpms([aRpm("a"), aRpm("a"), aRpm("a", { sigmd5: "0".repeat(32) })])).components).toHaveLength(3);
  });
});

describe("whatever stands in an image's database", () => {
  const text = fc.string({ unit: "binary", maxLength: 30 });
  const maybe = fc.option(text, { nil: undefined });
  const rpm = fc.record({
    ...{ name: fc.string({ unit: "binary", minLength: 1, maxLength: 30 }), version: text, release: text, arch: maybe, license: maybe },
    ...{ sourceRpm: maybe, sigmd5: maybe, epoch: fc.option(fc.nat(), { nil: undefined }), sizeBytes: fc.constant(undefined), vendor: text },
  });

  test("every document stays valid, and has no control character", () => {
    fc.assert(
      fc.property(fc.array(rpm, { maxLength: 6 }), (rpms) => {
        const made = withRpms(rpms);
        expect(ContentGeneratorMetadata.safeParse(json("metadata.json", made)).error).toBeUndefined();
        expect(SpdxDocument.safeParse(json("x86_64.spdx.json", made)).error).toBeUndefined();
        expect(is16(json("x86_64.cdx.json", made))).toEqual([]);
        for (const document of made) expect(document.text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
      }),
      { numRuns: 60 },
    );
  });

  test("JSON with everything escaped is the same value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ unit: "binary" }), (value, key) => {
        const whole = { [key]: value };
        expect(JSON.parse(formatJson(whole))).toEqual(JSON.parse(JSON.stringify(whole)));
      }),
    );
  });
});

describe("builds that lack something", () => {
  test("an image without RPMs has no contents for Koji, and its bills are valid", () => {
    const made = withRpms([]);
    expect(made.map(({ name }) => name)).toEqual(["metadata.json", "x86_64.spdx.json", "x86_64.cdx.json", "provenance.intoto.json"]);
    expect(json("metadata.json", made).build.extra).not.toHaveProperty("typeinfo");
    expect(SpdxDocument.safeParse(json("x86_64.spdx.json", made)).error).toBeUndefined();
    expect(is16(json("x86_64.cdx.json", made))).toEqual([]);
  });

  test("a list of RPMs that is not complete says so everywhere", () => {
    const made = buildDocuments(aFinishedBuild({ images: [{ ...anImage("linux/amd64"), rpmProblem: "3 packages can't be read" }] }));
    expect(json("x86_64.spdx.json", made).comment).toBe("The list of packages is not complete: 3 packages can't be read");
    expect(json("x86_64.cdx.json", made).metadata.component.properties).toEqual([
      { name: "flibs:rpm:problem", value: "3 packages can't be read" },
    ]);
    expect(json("icm-x86_64.json", made).incompleteness_reasons).toContainEqual({ type: "other", description: "3 packages can't be read" });
    expect(SpdxDocument.safeParse(json("x86_64.spdx.json", made)).error).toBeUndefined();
    expect(is16(json("x86_64.cdx.json", made))).toEqual([]);
  });

  test("an image of an older release, without layers and distribution, is described as far as it is known", () => {
    const { parts: _, distribution: __, ...old } = anImage("linux/amd64");
    const made = buildDocuments(aFinishedBuild({ images: [old] }));
    expect(json("metadata.json", made).output[0].extra.docker).toMatchObject({ layer_sizes: [], config: {} });
    expect(json("x86_64.cdx.json", made).components[0]).toMatchObject({ name: "bash", purl: "pkg:rpm/bash@5.2.37-1.fc42?arch=x86_64" });
  });

  test("a scratch build has metadata with a release that is no build's", () => {
    const { nvr: _, plan, ...rest } = finished.build;
    if (plan === undefined) throw new Error("the build has a plan");
    const { nvr: __, primaryTag: ___, ...scratch } = plan;
    const build = { ...rest, id: "0198-ab", scratch: true, plan: { ...scratch, floatingTags: [] } };
    const made = buildDocuments({ ...finished, build });
    const metadata = ContentGeneratorMetadata.parse(json("metadata.json", made));
    expect(metadata.build).toMatchObject({ name: "cockpit-container", version: "300", release: "0.scratch.0198ab" });
    expect(metadata.build.extra.image?.index).toMatchObject({
      tags: [],
      pull: [expect.stringContaining("@sha256:"), "candidate.example.test/f42/cockpit:cockpit-container-none-12345-20261123110000"],
    });
  });

  test.each([
    ["labels of a scratch build that Koji would refuse", { "com.redhat.component": "a b\u001b", version: "1-2" }, "a_b_", "1_2"],
    ["no labels at all", {}, "scratch", "0"],
  ])("%s", (_, labels, name, version) => {
    const { nvr: __, ...rest } = finished.build;
    const [image] = rest.images;
    if (image === undefined) throw new Error("the build has an image");
    const images = [{ ...image, config: { ...image.config, labels } }];
    expect(json("metadata.json", buildDocuments({ ...finished, build: { ...rest, images } })).build).toMatchObject({ name, version });
  });

  test("a stranger's pull request: the commit that the tests came from is a dependency of its own", () => {
    const made = buildDocuments(aFinishedBuild({ pull: 7, stranger: { base: "b".repeat(40) }, architectures: ["x86_64"] }));
    const { externalParameters, resolvedDependencies } = json("provenance.intoto.json", made).predicate.buildDefinition;
    expect(externalParameters).toMatchObject({ pull: 7, architectures: ["x86_64"] });
    expect(resolvedDependencies.slice(0, 2).map((one: { digest: unknown }) => one.digest)).toEqual([
      { gitCommit: "a".repeat(40) },
      { gitCommit: "b".repeat(40) },
    ]);
  });

  test("what a person wanted to have kept stands in the metadata", () => {
    const made = buildDocuments(aFinishedBuild({ isolated: true, userdata: { ticket: "X-1\u001b" } }));
    expect(json("metadata.json", made).build.extra).toMatchObject({
      image: { isolated: true },
      custom_user_metadata: { ticket: "X-1\\u001b" },
    });
  });
});
