import { z } from "zod";

/**
 * Content Generator metadata, version 0, as far as OSBS writes it for container images: koji's docs/content_generator_metadata and
 * atomic-reactor's koji_import. Strict, since the hub itself looks at little of it and keeps whatever it gets for ever.
 */
const text = z.string().min(1);
const texts = z.array(z.string());
const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, "not a sha256 digest");
const digests = z.record(z.string(), digest);
const seconds = z.number().nonnegative();

const Image = z.strictObject({
  isolated: z.boolean().optional(),
  help: z.string().nullish(),
  autorebuild: z.boolean().optional(),
  triggered_after_koji_task: z.int().nullish(),
  media_types: texts.optional(),
  parent_build_id: z.int().nullish(),
  parent_image_builds: z.record(z.string(), z.strictObject({ id: z.int().optional(), nvr: text })).optional(),
  parent_images: texts.optional(),
  index: z.strictObject({ tags: texts, floating_tags: texts.optional(), unique_tags: texts.optional(), pull: texts, digests }).optional(),
  odcs: z.strictObject({ compose_ids: z.array(z.int()), signing_intent: z.string(), signing_intent_overridden: z.boolean() }).optional(),
  yum_repourls: texts.optional(),
  flatpak: z.boolean().optional(),
  modules: texts.optional(),
  source_modules: texts.optional(),
  go: z.unknown().optional(),
  pnc: z.unknown().optional(),
  operator_manifests: z.unknown().optional(),
  remote_sources: z.array(z.unknown()).optional(),
  remote_sources_version: z.int().optional(),
  sources_for_nvr: z.string().optional(),
});

const BuildExtra = z.strictObject({
  image: Image.optional(),
  typeinfo: z.record(z.string(), z.unknown()).optional(),
  osbs_build: z.strictObject({ kind: z.enum(["container_build", "source_container_build"]), engine: text, subtypes: texts }).optional(),
  container_koji_task_id: z.int().optional(),
  filesystem_koji_task_id: z.int().optional(),
  submitter: z.string().optional(),
  operator_manifests_archive: z.string().optional(),
  custom_user_metadata: z.record(z.string(), z.unknown()).optional(),
});

const Build = z.strictObject({
  name: text,
  version: text,
  release: text,
  source: z.string().nullable(),
  start_time: seconds,
  end_time: seconds,
  extra: BuildExtra,
  owner: text.optional(),
  build_id: z.int().optional(),
  task_id: z.int().nullish(),
  epoch: z.int().nullish(),
  draft: z.boolean().optional(),
});

const RpmComponent = z.strictObject({
  type: z.literal("rpm"),
  // As the image's database has them, even when that is nothing.
  name: z.string(),
  version: z.string(),
  release: z.string(),
  epoch: z.int().nullable(),
  arch: z.string(),
  sigmd5: z.string().nullable(),
  signature: z.string().nullable(),
});
const FileComponent = z.strictObject({
  type: z.literal("file"),
  filename: text,
  filesize: z.int().nonnegative(),
  checksum: text,
  checksum_type: z.enum(["md5", "sha256", "adler32"]),
});
const KojiFileComponent = z.looseObject({ type: z.literal("kojifile"), archive_id: z.int(), nvr: text, filename: text });
const Component = z.discriminatedUnion("type", [RpmComponent, FileComponent, KojiFileComponent]);

const Buildroot = z.strictObject({
  id: z.union([text, z.number()]),
  host: z.strictObject({ os: z.string().nullable(), arch: text }),
  content_generator: z.strictObject({ name: text, version: text }),
  container: z.strictObject({ type: text, arch: text }),
  tools: z.array(z.strictObject({ name: text, version: text })),
  components: z.array(Component),
  extra: z.strictObject({ osbs: z.strictObject({ build_id: z.string(), builder_image_id: z.unknown() }) }).optional(),
});

const Docker = z.strictObject({
  id: z.string().startsWith("sha256:"),
  parent_id: digest.nullish(),
  repositories: texts,
  tags: texts.optional(),
  floating_tags: texts.optional(),
  unique_tags: texts.optional(),
  layer_sizes: z.array(z.strictObject({ diff_id: digest, size: z.int().nonnegative() })).optional(),
  config: z
    .record(z.string(), z.unknown())
    .refine((config) => !Object.hasOwn(config, "container_config"), "container_config tells of the build's machine; leave it out")
    .optional(),
  digests,
});

const Output = z.strictObject({
  buildroot_id: z.union([text, z.number()]),
  filename: text.regex(/^[^/]+$/, "a slash in a file name"),
  filesize: z.int().nonnegative(),
  checksum: text,
  checksum_type: z.enum(["md5", "sha256", "adler32"]),
  type: text,
  arch: text.optional(),
  relpath: z.string().optional(),
  subdir: z.string().optional(),
  metadata_only: z.boolean().optional(),
  components: z.array(Component).optional(),
  extra: z
    .strictObject({
      image: z.strictObject({ arch: text }).optional(),
      docker: Docker.optional(),
      typeinfo: z.record(z.string(), z.unknown()).optional(),
    })
    .optional(),
});

export const ContentGeneratorMetadata = z.strictObject({
  metadata_version: z.literal(0),
  build: Build,
  buildroots: z.array(Buildroot).min(1),
  output: z.array(Output),
});
export type ContentGeneratorMetadata = z.infer<typeof ContentGeneratorMetadata>;
