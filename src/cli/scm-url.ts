import { appError } from "../domain/errors.ts";

/** What `koji container-build` and `fedpkg` call a source: `https://src.example.org/containers/cockpit.git?#<commit>`. */
export interface ScmUrl {
  /** `host[:port]`; empty for a file. */
  readonly host: string;
  /** The last two parts of the path, without `.git`. */
  readonly repository: string;
  /** A commit id, a branch, `origin/<branch>` or `HEAD`. */
  readonly revision: string;
}

/** In the words of Koji's client. Throws `cli.usage`. */
export function parseScmUrl(text: string): ScmUrl {
  const refuse = (message: string) =>
    appError("cli.usage", message, { hint: "Write for example https://src.example.org/containers/cockpit#<commit id>" });
  if (!text.includes("://")) throw refuse("scm URL does not look like an URL to a source repository");
  const cut = text.indexOf("#");
  const revision = text.slice(cut + 1);
  if (cut < 0 || revision === "") throw refuse("scm URL must be of the form <url_to_repository>#<revision>)");
  const [, afterScheme = ""] = text.slice(0, cut).split("://");
  const [location = ""] = afterScheme.split("?");
  const [authority = "", ...path] = location.split("/");
  const parts = path.filter((part) => part !== "");
  const last = parts
    .slice(-2)
    .join("/")
    .replace(/\.git$/, "");
  if (parts.length < 2) throw refuse(`scm URL ${text.slice(0, 200)} names no <namespace>/<repository>`);
  return { host: authority.split("@").at(-1) ?? "", repository: last, revision };
}
