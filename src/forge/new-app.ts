/** What is asked of a forge that knows Apps when a new one is made for this installation. */
export interface NewApp {
  /** Parsed app.yml; checked by {@link AppRegistration.plan}. */
  readonly manifest: unknown;
  /** Its name, for messages. */
  readonly manifestFile: string;
  /** Address that people open: `https://github.com`, or an Enterprise Server; no slash at the end. */
  readonly web: string;
  /** Account that will own the App; the person's own when undefined. */
  readonly organization: string | undefined;
  /** `https://<host>[/path]` where flibs answers; no slash at the end. */
  readonly publicUrl: string;
  /** In place of the manifest's. */
  readonly name: string | undefined;
}

export interface AppPlan {
  readonly app: NewApp;
  /** REST API; goes into the settings. */
  readonly api: string;
  /** Page that lists the owner's Apps. */
  readonly appsPage: string;
  /** What a browser posts, and where to: `manifest` is the only field. A person has to confirm it there. */
  form(redirectUrl: string, state: string): { readonly action: string; readonly manifest: string };
}

export interface CreatedApp {
  readonly id: number;
  /** Name in addresses and in the author of comments, `<slug>[bot]`. */
  readonly slug: string;
  readonly name: string;
  /** The App's page. */
  readonly url: string;
  /** PEM; secret. */
  readonly privateKey: string;
  /** Secret. */
  readonly webhookSecret: string;
}

export interface AppRegistration {
  /** Pure. Throws `forge.app-manifest-invalid`. */
  plan(app: NewApp): AppPlan;
  /** Exchanges a code, which works once, for the text about the App, secrets and all. Throws `forge.app-not-handed-over`; never repeated. */
  convert(plan: AppPlan, code: string): Promise<string>;
  /** Pure. Throws `forge.app-not-handed-over`, without a secret in it. */
  read(text: string): CreatedApp;
}
