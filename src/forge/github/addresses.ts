import { appError } from "../../domain/errors.ts";

/** Where GitHub's API and its git server are. */
export interface GithubAddresses {
  /** `https://api.github.com`, or `https://<host>/api/v3` of an Enterprise Server; no slash at the end. */
  readonly api: string;
  /** `https://github.com` or the Enterprise Server; no slash at the end. */
  readonly git: string;
}

/** `baseUrl`: of an Enterprise Server, with or without `/api/v3`; github.com when left out. Throws `config.invalid`. */
export function githubAddresses(baseUrl: string | undefined): GithubAddresses {
  if (baseUrl === undefined) return { api: "https://api.github.com", git: "https://github.com" };
  const url = URL.parse(baseUrl);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "" || url.hash !== "") {
    throw appError("config.invalid", `"${baseUrl.slice(0, 200)}" is no address of a GitHub server`, {
      hint: "Write https://<host> or https://<host>/api/v3",
    });
  }
  if (url.host === "api.github.com" || url.host === "github.com") return githubAddresses(undefined);
  const root = `${url.origin}${url.pathname.replace(/\/+$/, "").replace(/\/api\/v3$/, "")}`;
  // Enterprise Cloud with data residency: api.<name>.ghe.com beside <name>.ghe.com.
  const residency = /^(https:\/\/)(?:api\.)?([a-z0-9-]+\.ghe\.com)$/.exec(root);
  if (residency) return { api: `${residency[1]}api.${residency[2]}`, git: `${residency[1]}${residency[2]}` };
  return { api: `${root}/api/v3`, git: root };
}
