import { appError } from "../../domain/errors.ts";

/** Where a Docker Engine is reached, in the way `DOCKER_HOST` is written. */
export type DockerHost =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "ssh"; readonly user?: string; readonly host: string; readonly port?: number }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

/** `unix:///var/run/docker.sock`, `ssh://user@host:22`, `tcp://host:2376`; throws `config.invalid`. */
export function parseDockerHost(text: string): DockerHost {
  const path = /^unix:\/\/(\/.+)$/.exec(text)?.[1];
  if (path !== undefined) return { kind: "unix", path };
  // A name that began with a dash would be an option of ssh.
  const [, kind, user, host, port] =
    /^(ssh|tcp):\/\/(?:([A-Za-z0-9_][\w.-]*)@)?([A-Za-z0-9][\w.-]*|\[[0-9a-fA-F:]+\])(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (host !== undefined && kind === "ssh") {
    return {
      kind,
      host: withoutBrackets(host),
      ...(user === undefined ? {} : { user }),
      ...(port === undefined ? {} : { port: Number(port) }),
    };
  }
  if (host !== undefined && kind === "tcp" && user === undefined && port !== undefined) {
    return { kind, host: withoutBrackets(host), port: Number(port) };
  }
  throw appError("config.invalid", `"${text.slice(0, 200)}" is no address of a Docker Engine`, {
    hint: "Write unix:///path/of/docker.sock, ssh://user@host or tcp://host:2376",
  });
}

function withoutBrackets(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}
