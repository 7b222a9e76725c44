import type { Digest } from "../domain/digest.ts";
import { isAppError } from "../domain/errors.ts";
import type { HttpAnswer } from "./http-transport.ts";
import { pushScope, repositoryPath } from "./manifest-requests.ts";
import { discardBody, invalidAnswer } from "./read-body.ts";
import { type RegistrySession, refusal } from "./registry-session.ts";

/** Opens an upload session; gives where to send. A lost answer leaves an empty session behind, which registries purge. */
export async function startUpload(session: RegistrySession, repository: string, signal?: AbortSignal): Promise<URL> {
  const call = { method: "POST", target: `${repositoryPath(repository)}/blobs/uploads/`, scopes: pushScope(repository), signal } as const;
  return session.ask(call, async (answer) => {
    if (answer.status !== 202) throw await refusal(call, answer);
    await discardBody(answer);
    return uploadLocation(answer);
  });
}

/** `Location` may be relative, may be on a storage host, may have a query of its own. */
export function uploadLocation(answer: HttpAnswer): URL {
  const location = answer.header("location") ?? "";
  const url = location !== "" && URL.canParse(location, answer.url.href) ? new URL(location, answer.url) : undefined;
  // An upload that began on https must not go on in the clear.
  if (url !== undefined && (url.protocol === "https:" || url.protocol === answer.url.protocol)) return url;
  throw invalidAnswer(answer, "without a usable Location");
}

/** The session's address with the digest that completes it; added as a parameter, since the address has parameters already. */
export function completionAddress(location: URL, digest: Digest): URL {
  const url = new URL(location);
  url.searchParams.set("digest", digest);
  return url;
}

/** Ends a session that is not needed, so that it does not wait for the registry's purge. Best effort: nothing depends on it. */
export async function cancelUpload(session: RegistrySession, repository: string, location: URL): Promise<void> {
  try {
    await session.askOnce({ method: "DELETE", target: location, scopes: pushScope(repository) }, discardBody);
  } catch (error) {
    if (!isAppError(error)) throw error;
  }
}
