/** One message of a build, pull or push, as the Engine API streams them (JSON lines). */
export interface Message {
  readonly stream?: string;
  readonly status?: string;
  readonly id?: string;
  readonly error?: string;
  readonly errorDetail?: { readonly code?: number; readonly message?: string };
  /** A text in BuildKit's traces alone (`id` is `moby.buildkit.trace`). */
  readonly aux?: { readonly ID?: string; readonly Digest?: string; readonly Size?: number } | string;
}

const longestLine = 4 * 2 ** 20;

/** Messages as they come; a line that is no JSON, or longer than 4 MiB, is an error. */
export async function* readMessages(body: AsyncIterable<Uint8Array>): AsyncGenerator<Message> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > longestLine) throw new Error("the engine sent a message of more than 4 MiB");
    for (const line of lines) if (line.trim() !== "") yield JSON.parse(line) as Message;
  }
  if (rest.trim() !== "") yield JSON.parse(rest) as Message;
}

/**
 * Log lines of a pull or push: each change of a layer once, without the hundreds of lines in between that only move a bar.
 * Undefined for what is not worth a line.
 */
export function progressLines(): (message: Message) => string | undefined {
  const told = new Map<string, string>();
  return ({ id, status }) => {
    if (status === undefined || /^(?:Downloading|Extracting|Pushing|Waiting|Preparing|Verifying|Pulling fs layer)/.test(status))
      return undefined;
    if (id !== undefined && told.get(id) === status) return undefined;
    if (id !== undefined) told.set(id, status);
    return id === undefined ? `${status}\n` : `${id}: ${status}\n`;
  };
}
