import type { BuildRecord, BuiltImage } from "../builds/build-record.ts";
import { platformTag } from "../builds/tags.ts";
import type { BuildDocument } from "../documents/document.ts";
import { type DescribedLog, type FinishedBuild, pushedImages } from "../documents/finished-build.ts";
import { type Digest, digestHex, digestOf } from "../domain/digest.ts";
import { appError } from "../domain/errors.ts";
import type { Nvr } from "../domain/nvr.ts";
import { rpmArchitecture } from "../domain/platform.ts";
import { escapeText } from "./escape-text.ts";
import { icmName } from "./image-content-manifest.ts";
import type { ContentGeneratorMetadata } from "./metadata-schema.ts";
import { placeholderArchive, placeholderName } from "./placeholder-archive.ts";

type Output = ContentGeneratorMetadata["output"][number];
type Extra = NonNullable<Output["extra"]>;

/**
 * Metadata of a finished build as OSBS gives it to Koji (`CGImport`): one image archive for each platform, its contents (`icms`, made before), and
 * the logs. Pure: the same build gives the same metadata. The owner is left out, since Koji may not know who asked; it is the importer then.
 */
export function buildMetadata(finished: FinishedBuild, icms: readonly BuildDocument[]): ContentGeneratorMetadata {
  const { build, described } = finished;
  const { name, version, release } = nvrOf(build);
  const images = pushedImages(build);
  const [first] = images;
  if (first === undefined) throw appError("koji.metadata-invalid", `build ${build.id} has no image in the registry`);
  return escapeText({
    metadata_version: 0,
    build: {
      ...{ name, version, release },
      source: `git+${described.source}#${build.commit}`,
      start_time: toEpoch(build.createdAt),
      end_time: toEpoch(described.finishedAt),
      extra: {
        image: imageExtra(finished),
        ...(icms.length === 0 ? {} : { typeinfo: { icm: { name: "icm", archives: icms.map((one) => one.name) } } }),
        osbs_build: { kind: "container_build", engine: described.engine, subtypes: [] },
        submitter: build.requestedBy,
        ...(build.userdata === undefined ? {} : { custom_user_metadata: build.userdata }),
      },
    },
    buildroots: images.map((image) => buildrootOf(finished, image)),
    output: [
      ...images.map((image) => imageOutput(finished, image)),
      ...images.flatMap((image) =>
        icms.filter((one) => one.name === icmName(rpmArchitecture(image.platform))).map((one) => icmOutput(finished, image, one)),
      ),
      ...described.logs.map((log) =>
        logOutput(buildrootId(finished, images.find((image) => rpmArchitecture(image.platform) === log.architecture) ?? first), log),
      ),
    ],
  } satisfies ContentGeneratorMetadata);
}

/** A scratch build has no NVR; what stands for it names the build, and Koji takes no dash in it. */
function nvrOf(build: BuildRecord): Nvr {
  if (build.nvr !== undefined) return build.nvr;
  const labels = build.images[0]?.config.labels ?? {};
  const word = (text: string | undefined, unfit: RegExp, otherwise: string) => text?.replace(unfit, "_") || otherwise;
  return {
    name: word(labels["com.redhat.component"], /[^A-Za-z0-9/_.+-]/g, "scratch"),
    version: word(labels.version, /[^A-Za-z0-9_.+~^]/g, "0"),
    release: `0.scratch.${build.id.replaceAll("-", "")}`,
  };
}

function imageExtra({ build, described, publicName }: FinishedBuild) {
  const { plan } = build;
  const repository = `${publicName}/${plan?.imageRepository}`;
  const tags = plan?.primaryTag === undefined ? [] : [plan.primaryTag];
  const parents = plan?.parents ?? [];
  return {
    isolated: build.isolated ?? false,
    help: build.plan?.contents?.help === true ? "help.md" : null,
    autorebuild: false,
    triggered_after_koji_task: null,
    media_types: [...new Set([described.index.mediaType, ...pushedImages(build).map(mediaTypeOf)])],
    parent_build_id: null,
    // Koji's own numbers are not known here; the hub does not ask for them.
    parent_image_builds: Object.fromEntries(parents.flatMap(({ written, nvr }) => (nvr === undefined ? [] : [[written, { nvr }]]))),
    parent_images: [...parents.map(({ written }) => written)],
    index: {
      tags,
      floating_tags: [...(plan?.floatingTags ?? [])],
      unique_tags: plan === undefined ? [] : [plan.uniqueTag],
      pull: [
        `${repository}@${described.index.digest}`,
        ...(tags.length > 0 ? tags : [plan?.uniqueTag]).map((tag) => `${repository}:${tag}`),
      ],
      digests: { [described.index.mediaType]: described.index.digest },
    },
    yum_repourls: [...(build.yumRepositories ?? [])],
  };
}

function buildrootId({ described }: FinishedBuild, { platform }: BuiltImage): string {
  return `${described.engine}-${rpmArchitecture(platform)}`;
}

function buildrootOf(finished: FinishedBuild, image: BuiltImage): ContentGeneratorMetadata["buildroots"][number] {
  const { maker, build, described } = finished;
  const arch = rpmArchitecture(image.platform);
  return {
    id: buildrootId(finished, image),
    // What an engine runs on is not asked; Koji takes null.
    host: { os: null, arch },
    content_generator: { name: maker.name, version: maker.version },
    container: { type: described.engine, arch },
    tools: [{ name: maker.name, version: maker.version }],
    components: [],
    extra: { osbs: { build_id: build.id, builder_image_id: null } },
  };
}

function imageOutput(finished: FinishedBuild, image: BuiltImage & { readonly digest: Digest }): Output {
  const arch = rpmArchitecture(image.platform);
  const docker = dockerExtra(finished, image);
  const archive = placeholderArchive(docker.repositories);
  return {
    buildroot_id: buildrootId(finished, image),
    filename: placeholderName(image.imageId, arch),
    filesize: archive.length,
    checksum_type: "sha256",
    checksum: digestHex(digestOf(archive)),
    type: "docker-image",
    arch,
    components: image.rpms.map((rpm) => ({
      type: "rpm",
      name: rpm.name,
      version: rpm.version,
      release: rpm.release,
      epoch: rpm.epoch ?? null,
      arch: rpm.arch ?? "noarch",
      sigmd5: rpm.sigmd5 ?? null,
      signature: rpm.keyId ?? null,
    })),
    extra: { image: { arch }, docker },
  };
}

/** The archive's own text names the same places, so what is imported later is what was described. */
function dockerExtra({ build, publicName }: FinishedBuild, image: BuiltImage & { readonly digest: Digest }): NonNullable<Extra["docker"]> {
  const repository = `${publicName}/${build.plan?.imageRepository}`;
  const tag = platformTag(build.plan?.uniqueTag ?? build.id, image.platform);
  const { layers = [], imageConfig = {} } = image.parts ?? {};
  const { container_config: _, ...config } = imageConfig;
  return {
    id: image.imageId,
    ...(image.parts?.base === undefined ? {} : { parent_id: image.parts.base.imageId }),
    repositories: [`${repository}:${tag}`, `${repository}@${image.digest}`],
    tags: [tag],
    layer_sizes: layers.flatMap(({ diffId, sizeBytes }) => (sizeBytes === undefined ? [] : [{ diff_id: diffId, size: sizeBytes }])),
    config,
    digests: { [mediaTypeOf(image)]: image.digest },
  };
}

/** Records of older releases do not say; engines pushed docker's kind then. */
function mediaTypeOf({ parts }: BuiltImage): string {
  return parts?.mediaType ?? "application/vnd.docker.distribution.manifest.v2+json";
}

function icmOutput(finished: FinishedBuild, image: BuiltImage, { name, text }: BuildDocument): Output {
  return {
    buildroot_id: buildrootId(finished, image),
    filename: name,
    filesize: Buffer.byteLength(text),
    checksum_type: "sha256",
    checksum: digestHex(digestOf(text)),
    type: "icm",
    arch: rpmArchitecture(image.platform),
    extra: { typeinfo: { icm: {} } },
  };
}

function logOutput(buildroot: string, log: DescribedLog): Output {
  return {
    buildroot_id: buildroot,
    filename: log.filename,
    filesize: log.sizeBytes,
    checksum_type: "sha256",
    checksum: log.sha256,
    type: "log",
    arch: log.architecture,
  };
}

function toEpoch(at: string): number {
  return Math.floor(Date.parse(at) / 1000);
}
