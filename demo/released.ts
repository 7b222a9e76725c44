import { join } from "node:path";
import type { BaseImage } from "./base-image.ts";
import { type FlibsCommand, must, run } from "./flibs-process.ts";
import { quote, stage, tell } from "./tell.ts";

export interface DemoWorld {
  /** The checkout of flibs. */
  readonly root: string;
  /** Where all of it is made. */
  readonly directory: string;
  readonly flibs: FlibsCommand;
  readonly base: BaseImage;
  readonly production: string;
  readonly web: string;
}

/** What `summary.json` holds. */
export interface Summary {
  readonly nvr: string;
  readonly digest: string;
  readonly candidate: string;
  readonly production: string;
  readonly policy: string;
  readonly registriesD: string;
  readonly publicKey: string;
  readonly web: string;
  readonly build: string;
  readonly promotion: number;
  readonly baseImage: string;
}

export interface Build {
  readonly id: string;
  readonly commit: string;
  readonly state: string;
  readonly digest?: string;
  readonly nvr?: { readonly name: string; readonly version: string; readonly release: string };
  readonly plan?: { readonly imageRepository: string; readonly primaryTag?: string };
  readonly promotion?: { readonly repository: string; readonly number: number };
  readonly error?: { readonly message: string };
}

/** Pulls what was released as its users do, and says where all of it is. Throws when it is not accepted. */
export async function pullReleased(world: DemoWorld, build: Build, promotion: number): Promise<Summary> {
  const { nvr, digest, plan } = build;
  if (!nvr || !digest || !plan) throw new Error(`build ${build.id} built nothing: ${build.error?.message ?? "no error"}`);
  const production = `${world.production}/${plan.imageRepository}:${plan.primaryTag}`;
  stage(`pulling ${production} under a policy that demands the signature`);
  await pull(world, production);
  quote(await world.flibs.must("verify", production));
  const consumer = join(world.directory, "flibs/consumer");
  const shown = await world.flibs.json<{ registries: { candidate: { endpoint: string } } }>("config", "check");
  return {
    nvr: `${nvr.name}-${nvr.version}-${nvr.release}`,
    digest,
    candidate: `${shown.registries.candidate.endpoint}/${plan.imageRepository}@${digest}`,
    production,
    policy: join(consumer, "policy.json"),
    registriesD: join(consumer, "registries.d"),
    publicKey: join(consumer, "flibs-production.gpg"),
    web: world.web,
    build: build.id,
    promotion,
    baseImage: world.base.why,
  };
}

async function pull(world: DemoWorld, image: string): Promise<void> {
  const target = join(world.directory, "pulled");
  const result = await skopeoCopy(world, image, target);
  if (result.code !== 0) throw new Error(`skopeo refused ${image}:\n${result.err}`);
  quote(`$ skopeo --policy policy.json --registries.d registries.d copy docker://${image} dir:pulled\n${result.out || result.err}`);
  tell("accepted");
}

/** An image that nobody signed, in the same registry, under the same policy. */
export async function refuseUnsigned(world: DemoWorld): Promise<void> {
  const unsigned = `${world.production}/hello:unsigned`;
  stage(`pushing ${unsigned} behind flibs' back, and pulling it under the same policy`);
  const base = world.base.parent.mirror === undefined ? world.base.reference : `${world.base.parent.mirror}/fedora@${world.base.digest}`;
  const copy = ["copy", "--quiet", "--src-tls-verify=false", "--dest-tls-verify=false", `docker://${base}`, `docker://${unsigned}`];
  await must("skopeo", ["--insecure-policy", ...copy]);
  const result = await skopeoCopy(world, unsigned, join(world.directory, "refused"));
  if (result.code === 0) throw new Error(`skopeo accepted ${unsigned}, which nobody signed`);
  quote(result.err);
  tell("refused, as it must be");
}

function skopeoCopy(world: DemoWorld, image: string, target: string) {
  const consumer = join(world.directory, "flibs/consumer");
  const trust = ["--policy", join(consumer, "policy.json"), "--registries.d", join(consumer, "registries.d")];
  return run("skopeo", [...trust, "copy", "--quiet", "--src-tls-verify=false", `docker://${image}`, `dir:${target}`]);
}
