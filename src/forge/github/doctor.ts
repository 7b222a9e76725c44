import { appError } from "../../domain/errors.ts";
import type { ForgeDoctor, ForgeNeeds } from "../forge-doctor.ts";
import type { AppTokens } from "./app-tokens.ts";
import type { GithubClient } from "./github-client.ts";
import { statusOf } from "./request-errors.ts";
import type { Answer } from "./transport.ts";

type Installation = Answer<"GET /app/installations">["data"][number];

/** What an App, or one of its installations, was given. */
interface Granted {
  readonly permissions: Readonly<Record<string, string | undefined>>;
  readonly events: readonly string[];
}

export interface GithubDoctorOptions {
  readonly appId: number;
  readonly client: GithubClient;
  readonly tokens: AppTokens;
  /** Owner of the container repositories. */
  readonly namespace: string;
  /** The registry-manifest repository, `owner/name`. */
  readonly manifests: string;
}

/** {@link ForgeDoctor} of a GitHub App; it only reads. */
export function githubDoctor({ appId, client, tokens, namespace, manifests }: GithubDoctorOptions): ForgeDoctor {
  async function readApp() {
    try {
      // The description allows null for tokens that are no App's.
      return (await client.asApp("GET /app", {})).data as NonNullable<Answer<"GET /app">["data"]>;
    } catch (cause) {
      // An id that no App has is 404, a key that is not the App's 401.
      if (statusOf(cause) !== 401 && statusOf(cause) !== 404) throw cause;
      throw appError("forge.app-denied", `GitHub knows no App ${appId} with this private key`, {
        hint: "Compare forge.appId with the App's page, and make a new private key there if this one was deleted; the machine's clock must be right",
        cause,
      });
    }
  }

  /** Of those accounts that flibs works for; an App may be installed for others too. */
  async function listInstallations(): Promise<readonly Installation[]> {
    const { data } = await client.asApp("GET /app/installations", { per_page: 100 });
    const owners = [namespace, manifests.split("/")[0] ?? ""].map((owner) => owner.toLowerCase());
    return data.filter((one) => owners.includes(ownerOf(one).toLowerCase()));
  }

  return {
    async lookAtIdentity() {
      const { slug } = await readApp();
      return `App ${appId} is ${slug}[bot]`;
    },

    async lookAtGrants(needs) {
      const app = await readApp();
      const lacking = lacks(app, needs);
      if (lacking.length > 0) {
        throw appError("forge.app-denied", `the GitHub App has not ${lacking.join(", ")}`, {
          hint: `Add it on the page of the App (${app.slug}), "Permissions & events", and accept it where the App is installed`,
        });
      }
      for (const installation of await listInstallations()) {
        const open = lacks(installation, needs);
        if (open.length === 0) continue;
        throw appError("forge.app-denied", `${ownerOf(installation)} has not accepted yet that the App has ${open.join(", ")}`, {
          hint: `An owner of ${ownerOf(installation)} accepts it at ${installation.html_url}`,
        });
      }
      return `${Object.keys(needs.permissions).length} permissions and ${needs.events.length} events of app.yml, accepted`;
    },

    async lookAtRepositories() {
      const installations = await listInstallations();
      const own = installations.find((one) => ownerOf(one).toLowerCase() === namespace.toLowerCase());
      if (own === undefined) {
        throw appError("forge.app-not-installed", `GitHub App ${appId} is not installed for ${namespace}`, {
          hint: `Install the App for ${namespace}, whose repositories are to be built`,
        });
      }
      const suspended = installations.find((one) => one.suspended_at !== null);
      if (suspended !== undefined) {
        throw appError("forge.app-denied", `the GitHub App is suspended for ${ownerOf(suspended)}`, {
          hint: `An owner of ${ownerOf(suspended)} lets it work again at ${suspended.html_url}`,
        });
      }
      await tokens.installationOf(manifests);
      return `installed for ${own.repository_selection === "all" ? "all" : "selected"} repositories of ${namespace}, and for ${manifests}`;
    },

    async lookAtDeliveries({ hookUrl }) {
      const [newest] = await listDeliveries(client);
      if (newest === undefined) return "GitHub remembers none; the sweeps find what happens";
      const { delivered_at: at, event, status_code: status } = newest;
      if (status >= 200 && status < 300) return `the newest (${event}, ${at}) arrived`;
      const { data } = await client.asApp("GET /app/hook/deliveries/{delivery_id}", { delivery_id: Number(newest.id) });
      const answer = status === 0 ? "nobody answered" : `the answer was ${status}`;
      throw appError("forge.hook-failing", `the newest delivery (${event}, ${at}) went to ${data.url ?? "an unknown address"}: ${answer}`, {
        hint: hintFor(status, hookUrl, data.url),
      });
    },
  };
}

/** Newest first. An App without a hook has no record. */
async function listDeliveries(client: GithubClient) {
  try {
    return (await client.asApp("GET /app/hook/deliveries", { per_page: 1 })).data;
  } catch (error) {
    if (statusOf(error) === 404) return [];
    throw error;
  }
}

function hintFor(status: number, wanted: string, used: string | undefined): string {
  if (used !== undefined && used !== wanted)
    return `Set the webhook's address on the App's page to ${wanted}, or web.publicUrl to what it is`;
  if (status === 401) return "Set the webhook's secret on the App's page and forge.webhookSecrets to the same";
  return "See whether flibs runs and is reached at this address from outside; until then the sweeps find what happens";
}

const levels = ["read", "write", "admin"];

/** `checks: write`, `the event push` */
function lacks({ permissions, events }: Granted, needs: ForgeNeeds): readonly string[] {
  const missing = Object.entries(needs.permissions).filter(
    ([name, level]) => levels.indexOf(permissions[name] ?? "") < levels.indexOf(level),
  );
  return [
    ...missing.map(([name, level]) => `the permission ${name}: ${level}`),
    ...needs.events.filter((event) => !events.includes(event)).map((event) => `the event ${event}`),
  ];
}

function ownerOf({ account }: Installation): string {
  return account !== null && "login" in account ? account.login : "";
}
