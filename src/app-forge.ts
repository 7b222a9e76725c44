import type { App } from "./app.ts";
import type { Settings } from "./config.ts";
import { readSecret } from "./config-load.ts";
import { publicUrlOf } from "./config-values.ts";
import type { ForgeProcesses } from "./forge/forge.ts";
import { localForge } from "./forge/local/local-forge.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./web/metrics.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The forge that the settings name, with what only it has. Throws as `readSecret`. */
export async function openForge(
  settings: Settings,
  environment: Environment,
  log: Log,
  metrics: Pick<Metrics, "forgeAsked">,
): Promise<Pick<App, "forge" | "people" | "forgeDoctor"> & ForgeProcesses> {
  const { forge } = settings;
  switch (forge.kind) {
    case "local": {
      const local = localForge({
        name: forge.kind,
        directory: forge.directory,
        hookSecrets: forge.hookSecrets.map((secret) => readSecret(secret, environment)),
        admins: forge.admins,
        publicUrl: publicUrlOf(settings),
        log,
      });
      return { forge: local, people: local, forgeDoctor: undefined, close: local.close };
    }
    case "github": {
      // Probot and its packages take half a second to load, which commands on another forge need not wait for.
      const { githubForge } = await import("./forge/github/github-forge.ts");
      const github = githubForge({
        ...{ name: forge.kind, appId: forge.appId, baseUrl: forge.baseUrl, stateDirectory: settings.stateDirectory, log },
        privateKey: readSecret(forge.privateKey, environment),
        webhookSecrets: forge.webhookSecrets.map((secret) => readSecret(secret, environment)),
        namespace: settings.containers.namespace,
        manifests: settings.manifests.repository,
        onRequest: ({ operation, status, remaining }) => metrics.forgeAsked(operation, status, remaining),
      });
      return { forge: github, people: undefined, forgeDoctor: github.doctor, close: github.close };
    }
    case "pagure": {
      const token = { secret: readSecret(forge.token, environment), expires: forge.tokenExpires };
      const own = forge.promotionToken;
      const promotions = own && { secret: readSecret(own, environment), expires: forge.promotionTokenExpires };
      const keys = Object.entries(forge.hookKeys).map(([project, secrets]) => [
        project,
        secrets.map((one) => readSecret(one, environment)),
      ]);
      const { pagureForge } = await import("./forge/pagure/pagure-forge.ts");
      const pagure = pagureForge({
        ...{ name: forge.kind, url: forge.url, user: forge.user, email: forge.email, push: forge.push, log },
        tokens: { reports: token, promotions: promotions ?? token },
        ...{ hookKeys: Object.fromEntries(keys), readHookKeys: forge.readHookKeys, acceptSha1: forge.acceptSha1 },
        ...{ namespace: settings.containers.namespace, manifests: settings.manifests },
        ...{ publicUrl: publicUrlOf(settings), stateDirectory: settings.stateDirectory },
        onRequest: ({ operation, status }) => metrics.forgeAsked(operation, status, undefined),
      });
      return { forge: pagure, people: undefined, forgeDoctor: pagure.doctor, close: pagure.close };
    }
  }
}
