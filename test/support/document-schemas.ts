import { z } from "zod";

/*
 * Strict schemas of what flibs writes, by hand after the published ones: of SPDX and in-toto no npm package has them. Unknown members are errors, so
 * that nothing is written which the formats do not know.
 */

const spdxId = z.string().regex(/^SPDXRef-[A-Za-z0-9.-]+$/);
const orUnknown = (known: RegExp) => z.string().regex(new RegExp(`^(NOASSERTION|NONE|${known.source})$`));
const expression = /[A-Za-z0-9.+()-]+( [A-Za-z0-9.+()-]+)*/;
const seconds = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** spdx/spdx-spec, schemas/spdx-schema.json at v2.3, and the rules of clauses 6 to 8, 10 and 11 that it does not say. */
export const SpdxDocument = z
  .strictObject({
    spdxVersion: z.literal("SPDX-2.3"),
    dataLicense: z.literal("CC0-1.0"),
    SPDXID: z.literal("SPDXRef-DOCUMENT"),
    name: z.string().min(1),
    documentNamespace: z.url().refine((url) => !url.includes("#")),
    comment: z.string().optional(),
    creationInfo: z.strictObject({ created: seconds, creators: z.array(z.string().regex(/^(Tool|Organization|Person): .+$/)).min(1) }),
    packages: z.array(
      z.strictObject({
        SPDXID: spdxId,
        name: z.string().min(1),
        versionInfo: z.string(),
        downloadLocation: z.enum(["NOASSERTION", "NONE"]),
        filesAnalyzed: z.literal(false),
        licenseConcluded: orUnknown(expression),
        licenseDeclared: orUnknown(expression),
        copyrightText: z.string(),
        supplier: orUnknown(/(Person|Organization): [^\n]+/),
        sourceInfo: z.string().optional(),
        comment: z.string().optional(),
        checksums: z.array(z.strictObject({ algorithm: z.literal("SHA256"), checksumValue: sha256 })).optional(),
        externalRefs: z.array(
          z.strictObject({
            referenceCategory: z.enum(["OTHER", "PERSISTENT-ID", "SECURITY", "PACKAGE-MANAGER"]),
            referenceType: z.literal("purl"),
            referenceLocator: z.string().regex(/^pkg:[!-~]+$/),
          }),
        ),
        primaryPackagePurpose: z.enum(["CONTAINER", "LIBRARY", "OPERATING-SYSTEM", "APPLICATION"]),
      }),
    ),
    hasExtractedLicensingInfos: z
      .array(
        z.strictObject({ licenseId: z.string().regex(/^LicenseRef-[A-Za-z0-9.-]+$/), extractedText: z.string().min(1), name: z.string() }),
      )
      .optional(),
    relationships: z.array(
      z.strictObject({ spdxElementId: spdxId, relationshipType: z.enum(["DESCRIBES", "CONTAINS"]), relatedSpdxElement: spdxId }),
    ),
  })
  .superRefine((document, context) => {
    const say = (message: string) => context.addIssue({ code: "custom", message });
    const ids = [document.SPDXID as string, ...document.packages.map((one) => one.SPDXID)];
    if (new Set(ids).size !== ids.length) say("an SPDXID twice");
    for (const { spdxElementId, relatedSpdxElement } of document.relationships)
      for (const id of [spdxElementId, relatedSpdxElement]) if (!ids.includes(id)) say(`${id} is nowhere`);
    const declared = (document.hasExtractedLicensingInfos ?? []).map((one) => one.licenseId);
    if (new Set(declared).size !== declared.length) say("a LicenseRef twice");
    const used = document.packages.flatMap((one) => one.licenseDeclared.match(/LicenseRef-[A-Za-z0-9.-]+/g) ?? []);
    for (const id of used) if (!declared.includes(id)) say(`${id} is not declared`);
    for (const id of declared) if (!used.includes(id)) say(`${id} is not used`);
  });

/** in-toto/attestation, spec/v1/resource_descriptor.md: at least one of uri, digest and content. */
const ResourceDescriptor = z
  .strictObject({
    name: z.string().optional(),
    uri: z
      .string()
      .regex(/^[a-z][a-z0-9+.-]*:[!-~]+$/)
      .optional(),
    digest: z
      .record(z.enum(["sha256", "gitCommit"]), z.string().regex(/^[0-9a-f]+$/))
      .or(z.strictObject({ sha256 }))
      .or(z.strictObject({ gitCommit: z.string() }))
      .optional(),
    mediaType: z.string().optional(),
  })
  .refine((one) => one.uri !== undefined || one.digest !== undefined, "neither uri nor digest");

/** in-toto/attestation, spec/v1/statement.md; slsa.dev/spec/v1.0/provenance. */
export const ProvenanceStatement = z.strictObject({
  _type: z.literal("https://in-toto.io/Statement/v1"),
  subject: z.array(z.strictObject({ name: z.string().min(1), digest: z.strictObject({ sha256 }) })).min(1),
  predicateType: z.literal("https://slsa.dev/provenance/v1"),
  predicate: z.strictObject({
    buildDefinition: z.strictObject({
      buildType: z.string().regex(/^[a-z][a-z0-9+.-]*:/),
      externalParameters: z.record(z.string(), z.unknown()),
      internalParameters: z.record(z.string(), z.unknown()).optional(),
      resolvedDependencies: z.array(ResourceDescriptor),
    }),
    runDetails: z.strictObject({
      builder: z.strictObject({ id: z.url(), version: z.record(z.string(), z.string()) }),
      metadata: z.strictObject({ invocationId: z.string(), startedOn: seconds, finishedOn: seconds }),
      byproducts: z.array(ResourceDescriptor),
    }),
  }),
});
