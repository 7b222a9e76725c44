import type { Instruction } from "./dockerfile-lines.ts";
import { type Finding, finding } from "./finding.ts";
import { parseList, withoutFlags } from "./instruction-arguments.ts";

/** What the engine, of this release or a newer one, takes for something to fetch: any scheme, `git@host:`, `host/path.git#branch`. */
const remote = /^[a-z][a-z0-9+.-]*:\/\/|^[\w.-]+@[\w.-]+:|\.git#|^github\.com\//i;
/** What a remote source may begin with; a variable after a part of one of these can complete it. */
const beginnings = ["http://", "https://", "ftp://", "git://", "git+", "ssh://", "git@", "github.com/"];

/**
 * Sources of ADD that the daemon itself would fetch: from its own network, outside of every limit of the build, and different at every
 * build. Pure. A source is also refused when a variable stands where an address could begin: the parent image's ENV is not ours.
 * `instruction` may be the inner one of an ONBUILD, since this image may be the parent of the next.
 */
export function lintAdd({ text, line }: Pick<Instruction, "text" | "line">): readonly Finding[] {
  return sourcesOf(text).flatMap((source) => {
    const at = source.indexOf("$");
    const start = (at < 0 ? source : source.slice(0, at)).replaceAll(/["'\\`]/g, "");
    const wrong = (message: string, fix: string) => [finding("distgit.dockerfile-unsupported", "Dockerfile", line, message, fix)];
    if (remote.test(start)) {
      return wrong(
        `ADD ${clip(source)} would be fetched by the engine, outside of the build's network and limits`,
        `Put the file into the repository and COPY it, or fetch it in the build: RUN curl -fsSLo <file> ${clip(source)}`,
      );
    }
    if (at < 0 || !beginnings.some((one) => one.startsWith(start.toLowerCase()))) return [];
    return wrong(
      `ADD ${clip(source)} begins with a variable, which may hold an address to fetch`,
      `If it is a file of the repository, write ./${clip(source)}; else fetch it with RUN curl`,
    );
  });
}

/** Everything but flags and the last word, cut as Docker cuts it: a JSON list, else at white space whatever the quotes. */
function sourcesOf(text: string): readonly string[] {
  const rest = withoutFlags(text);
  const words = parseList(rest) ?? rest.split(/\s+/);
  return words.slice(0, -1).filter((word) => word !== "");
}

function clip(text: string): string {
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
