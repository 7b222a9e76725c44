import { z } from "zod";

/** What every repository decides for itself, or every build: names that a site must not give to all images alike. */
const decidedElsewhere = [
  ...["com.redhat.component", "BZComponent", "name", "Name", "version", "Version", "release", "Release"],
  ...["architecture", "Architecture", "build-date", "vcs-type", "vcs-ref"],
];

const labelName = z
  .string()
  .regex(/^[\w.][\w./-]{0,127}$/, "a label's name has letters, digits and . _ / - only")
  .refine((name) => !decidedElsewhere.includes(name), { error: `the repository or the build decides ${decidedElsewhere.join(", ")}` });

/** The path must name the checksum: else two files of one name could not be told apart, and an old one would come for a new one. */
const sourcesTemplate = z
  .string()
  .regex(/^https?:\/\/[^/{}\s@?#]+\/[^\s{}?#]*(?:\{(?:repository|file|hashType|hash)\}[^\s{}?#]*)+$/, {
    error: "write an http or https address with {repository}, {file}, {hashType} and {hash} in its path",
  })
  .refine((url) => url.includes("{hash}"), { error: "the address must have {hash} in its path" });

const webAddress = z.url({ protocol: /^https?$/ });
const host = z
  .string()
  .regex(/^(?:\[[0-9a-f:]+\]|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::\d{1,5})?$/, "write host or host:port in lower case, without https://");

/** Settings of what goes into images beside the repository's files; part of {@link Settings} in config.ts. */
export const contentSettings = {
  labels: z
    .strictObject({
      image: z
        .record(z.string(), z.string().max(2048))
        .superRefine((labels, context) => {
          // As a schema of the keys it would say no more than that a key is invalid.
          for (const name of Object.keys(labels)) {
            const [issue] = labelName.safeParse(name).error?.issues ?? [];
            if (issue !== undefined) context.addIssue({ code: "custom", path: [name], message: issue.message });
          }
        })
        .default({})
        .describe(
          "Labels of every image, over what the Dockerfile says; distribution-scope and com.redhat.license_terms only where it says nothing (OSBS: image_labels)",
        ),
      equal: z
        .array(z.array(labelName).min(2))
        .default([])
        .describe(
          "Groups of labels that mean the same, as [description, io.k8s.description]: the first that is set fills the others, those of the Dockerfile before those of the base image (OSBS: image_equal_labels)",
        ),
      infoUrlFormat: webAddress
        .refine((format) => !/\{(?:a|A)rchitecture\}/.test(format), { error: "all platforms of an image have the same url" })
        .optional()
        .describe(
          "The label url of every image, with labels in braces: https://images.example/{name}/{version}-{release} (OSBS: image_label_info_url_format)",
        ),
    })
    .prefault({})
    .describe("Labels that the site gives to images"),
  yumRepositories: z
    .strictObject({
      site: z
        .array(webAddress)
        .max(20)
        .default([])
        .describe(
          "Addresses of .repo files that are in /etc/yum.repos.d/ while a stage is built, and gone at its end; layers below still hold them, so no passwords in them",
        ),
      allowedHosts: z
        .array(host)
        .default([])
        .describe(
          "host[:port] that the .repo files of a build request may come from; not asked for scratch builds of people who may write (OSBS: yum_repo_allowed_domains)",
        ),
    })
    .prefault({})
    .describe("Yum repositories for builds"),
  sources: z
    .strictObject({
      url: sourcesTemplate
        .optional()
        .describe(
          "Lookaside cache for the files that sources lists, as in https://src.example/lookaside/{repository}/{file}/{hashType}/{hash}/{file}; without it such repositories can't be built",
        ),
    })
    .prefault({})
    .describe("Files too large for git"),
  downloads: z
    .strictObject({
      privateHosts: z
        .array(host)
        .default([])
        .describe("host[:port] that flibs may fetch files of builds from although its address is a private one"),
    })
    .prefault({})
    .describe("What flibs fetches itself: yum repository files and the lookaside cache's"),
};
