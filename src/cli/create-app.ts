import { join } from "node:path";
import { appError, isAppError } from "../domain/errors.ts";
import type { AppPlan, AppRegistration, CreatedApp } from "../forge/new-app.ts";
import { type AppVisit, openAppVisit } from "./app-visit.ts";
import { prepareSecretFiles, rescueSecret, writeSecretFile } from "./secret-files.ts";

export interface CreateAppOptions {
  readonly registration: AppRegistration;
  readonly plan: AppPlan;
  /** Where both files go. */
  readonly directory: string;
  /** Directories that secrets are saved to when `directory` does not take them after all, best first. */
  readonly rescuePlaces: readonly string[];
  /** Loopback address for the browser. */
  readonly listen: { readonly host: string; readonly port: number };
  /** How long a person may take; GitHub's own limit is an hour. */
  readonly limitMs: number;
  /** Told when the browser may be opened. */
  onReady(url: string): void;
  /** Calls back when the person wants to stop; returns what takes it back. */
  onInterrupt(stop: () => void): () => void;
}

export interface StoredApp extends Omit<CreatedApp, "privateKey" | "webhookSecret"> {
  readonly privateKeyFile: string;
  readonly webhookSecretFile: string;
}

/**
 * Has a GitHub App made by the person in front of a browser, and keeps its secrets. They come only once, so everything that can be in the way is
 * looked at before the browser is opened, and from the moment the code is there nothing stops this but the end of the process.
 */
export async function createApp(options: CreateAppOptions): Promise<StoredApp> {
  const { plan, directory } = options;
  const files = { privateKeyFile: join(directory, "github-app.pem"), webhookSecretFile: join(directory, "github-webhook.secret") };
  await prepareSecretFiles(directory, Object.values(files));
  const visit = await openAppVisit({ ...options.listen, form: plan.form });
  const stopping = new AbortController();
  const takeBack = options.onInterrupt(() => stopping.abort());
  try {
    options.onReady(visit.url);
    const code = await visit.code(AbortSignal.any([stopping.signal, AbortSignal.timeout(options.limitMs)]));
    return await takeOver(visit, code, files, options);
  } finally {
    takeBack();
    await visit.close();
  }
}

type Files = Pick<StoredApp, "privateKeyFile" | "webhookSecretFile">;

async function takeOver(visit: AppVisit, code: string, files: Files, options: CreateAppOptions): Promise<StoredApp> {
  const { registration, plan } = options;
  try {
    const text = await registration.convert(plan, code).catch((error: unknown) => {
      throw withHint(error, `The App may be there: look at ${plan.appsPage}. Delete it and start again`);
    });
    const { privateKey, webhookSecret, ...app } = await store(text, registration, files).catch(async (error: unknown) => {
      throw await rescued(text, options, error);
    });
    await visit.answer("The App is made", "Its secrets are stored. Go back to the terminal for the next steps.");
    return { ...app, ...files };
  } catch (error) {
    await visit.answer("That did not work", "Go back to the terminal, it says what happened and what to do.");
    throw error;
  }
}

async function store(text: string, registration: AppRegistration, files: Files): Promise<CreatedApp> {
  const app = registration.read(text);
  await writeSecretFile(files.privateKeyFile, app.privateKey);
  await writeSecretFile(files.webhookSecretFile, `${app.webhookSecret}\n`);
  return app;
}

async function rescued(text: string, { plan, rescuePlaces }: CreateAppOptions, cause: unknown) {
  const why = cause instanceof Error ? cause.message : String(cause);
  const path = await rescueSecret(rescuePlaces, "github-answer.json", text);
  if (path === undefined) {
    return appError("cli.secrets-not-stored", `the App is made, but its secrets could not be written anywhere: ${why}`, {
      hint: `Generate a private key and set a webhook secret on the App's page below ${plan.appsPage}`,
      cause,
    });
  }
  return appError("cli.secrets-not-stored", `the App is made, but its secrets could not be put where they belong: ${why}`, {
    hint: `GitHub's whole answer is in ${path}: put its "pem" and "webhook_secret" into files, then remove it`,
    cause,
  });
}

function withHint(error: unknown, hint: string): unknown {
  return isAppError(error) ? appError(error.code, error.message, { hint, cause: error }) : error;
}
