import { attestedDocuments, attestedImage } from "../../../src/documents/attested-documents.ts";
import type { Digest } from "../../../src/domain/digest.ts";
import { ensureAttested } from "../../../src/signing/ensure-attested.ts";
import { documentedBuild } from "../../support/attested-build.ts";
import { scratchDirectory } from "../../support/scratch-directory.ts";
import { realWorld } from "./real-world.ts";

const repository = "f40/cockpit";

export type AttestedRelease = Awaited<ReturnType<typeof attestedRelease>>;

/** A build of two platforms, attested as the build flow does, promoted and released between two docker-registries. */
export async function attestedRelease() {
  const world = await realWorld(["linux/amd64", "linux/arm64"]);
  const scratch = await scratchDirectory("attested-");
  const made = await world.build({ id: "b1", release: "1.fc40" });
  const image = attestedImage(await world.clients.candidate.readManifest(repository, made.digest as Digest));
  const children = [...image.platforms.keys()];
  const { build, documents } = documentedBuild(made, children);
  world.builds.set("b1", build);
  world.documents.set("b1", documents);
  const wanted = attestedDocuments(build, documents, image, world.names.candidate);
  const place = { registry: world.clients.candidate, turns: world.ports.turns, repository };
  const attach = () => ensureAttested(place, world.ports.attestationKeys.of("candidate"), wanted, new AbortController().signal);
  const attached = await attach();
  const { number } = await world.propose("b1");
  const commit = await world.merge(number);
  await world.scan();
  return {
    ...{ world, wanted, attached, attach, children, commit, directory: scratch.path },
    digest: made.digest as Digest,
    async stop() {
      await world.stop();
      await scratch.remove();
    },
  };
}
