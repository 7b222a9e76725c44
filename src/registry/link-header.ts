import { appError } from "../domain/errors.ts";

const part = /<([^<>]*)>((?:\s*;\s*[A-Za-z*-]+\s*(?:=\s*(?:"(?:[^"\\]|\\.)*"|[^\s";,]+))?)*)/g;
const relation = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s";,]+))/i;
const longest = 8192;

/**
 * The `rel="next"` target of a `Link` header (RFC 8288), resolved against the page it came with; undefined on the last page. A target on
 * another origin throws `registry.answer-invalid`: following it would hand a credential or a request to whoever the registry names.
 */
export function parseNextLink(header: string | undefined, page: URL): URL | undefined {
  for (const [, target = "", parameters = ""] of (header ?? "").slice(0, longest).matchAll(part)) {
    const found = relation.exec(parameters);
    const relations = (found?.[1] ?? found?.[2] ?? "").toLowerCase().split(/\s+/);
    if (!relations.includes("next")) continue;
    const next = URL.canParse(target, page.href) ? new URL(target, page) : undefined;
    if (next === undefined || next.origin !== page.origin) {
      throw appError("registry.answer-invalid", `listing ${page.host}${page.pathname} was continued on another server`);
    }
    return next;
  }
  return undefined;
}
