const name = "Flibs-Proposal";

/** Last line of a commit message of ours; the local forge writes the same. */
export function proposalTrailer(branch: string): string {
  return `${name}: ${branch}`;
}

/** Branch in the message's last line; undefined when it has none. */
export function trailerOf(message: string): string | undefined {
  const last = message.trimEnd().split("\n").at(-1) ?? "";
  return last.startsWith(`${name}: `) ? last.slice(name.length + 2).trim() : undefined;
}
