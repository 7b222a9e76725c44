import { z } from "zod";
import { appError } from "../../domain/errors.ts";
import type { AppPlan, NewApp } from "../new-app.ts";
import { githubAddresses } from "./addresses.ts";

/**
 * app.yml. Source: "GitHub App Manifest parameters" in GitHub's documentation "Registering a GitHub App from a manifest", less what flibs never
 * wants: callback addresses, the OAuth of persons, an App that others can install.
 */
const AppManifest = z.strictObject({
  name: z.string().min(1).max(34),
  description: z.string().optional(),
  url: z.url({ protocol: /^https?$/ }),
  // A public App can be installed by anybody, and flibs would hear their pushes.
  public: z.literal(false),
  hook_attributes: z.strictObject({ url: z.url({ protocol: /^https?$/ }), active: z.literal(true) }),
  // Actions spell permissions with hyphens; an App's have underscores.
  default_permissions: z.record(z.string().regex(/^[a-z]+(_[a-z]+)*$/), z.enum(["read", "write"])),
  default_events: z.array(z.string().regex(/^[a-z]+(_[a-z]+)*$/)),
});

/** What an App made of app.yml may do and hears. Throws ZodError for what is none. */
export function readAppNeeds(manifest: unknown) {
  const { default_permissions: permissions, default_events: events } = AppManifest.parse(manifest);
  return { permissions, events };
}

/**
 * What the browser posts to GitHub and where to. The homepage becomes flibs itself: GitHub links check runs without an address of their own there.
 * Throws `forge.app-manifest-invalid` with a line for each fault.
 */
export function planApp(app: NewApp): AppPlan {
  const { manifestFile: file, web, organization, publicUrl, name } = app;
  const { success, data: manifest, error } = AppManifest.safeParse(app.manifest);
  if (!success) {
    throw appError("forge.app-manifest-invalid", `${file} is no manifest of a GitHub App:\n${z.prettifyError(error)}`, {
      file,
      hint: "Compare it with flibs' own app.yml; permissions and events have underscores, as in pull_requests",
    });
  }
  const appsPage = `${web}${organization === undefined ? "" : `/organizations/${encodeURIComponent(organization)}`}/settings/apps`;
  return {
    app,
    api: githubAddresses(web).api,
    appsPage,
    form: (redirectUrl, state) => ({
      action: `${appsPage}/new?state=${encodeURIComponent(state)}`,
      manifest: JSON.stringify({
        ...manifest,
        name: name ?? manifest.name,
        url: publicUrl,
        hook_attributes: { ...manifest.hook_attributes, url: `${publicUrl}/hooks/github` },
        redirect_url: redirectUrl,
      }),
    }),
  };
}
