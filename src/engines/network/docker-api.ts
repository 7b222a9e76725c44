import { z } from "zod";
import { appError } from "../../domain/errors.ts";

// An import of node:http also loads undici, for a name that is not used here: a twentieth of a second of each start.
const http = process.getBuiltinModule("node:http");

/** As little of the Engine API as the build network needs; the engine itself is driven in `engines/docker`. */
export interface DockerApi {
  ping(): Promise<boolean>;
  /** What the engine's default network, where RUN lines sit, stands on. Throws `engine.unreachable`. */
  defaultNetwork(): Promise<DefaultNetwork>;
  /** Any call: the answer's status and bytes. Throws `engine.unreachable`. */
  call(method: "GET" | "POST" | "DELETE", path: string, body?: Uint8Array | object): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

export interface DefaultNetwork {
  /** Undefined when the engine has none. */
  readonly bridge: string | undefined;
  readonly ipv6: boolean;
}

const hints: Readonly<Record<string, string>> = {
  EACCES: "Let the user that runs flibs be in the group of the socket, which network.group names",
};

const Network = z.object({ EnableIPv6: z.boolean().default(false), Options: z.record(z.string(), z.string()).nullable().default({}) });

export function dockerApi(socketPath: string, timeoutMs = 10_000): DockerApi {
  const call: DockerApi["call"] = (method, path, body) => {
    const bytes = body === undefined || body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body));
    const type = body instanceof Uint8Array ? "application/x-tar" : "application/json";
    return new Promise((resolve, reject) => {
      const refuse = (why: string, cause?: unknown) =>
        reject(
          appError("engine.unreachable", `Docker Engine on ${socketPath} could not be asked about its network: ${why}`, {
            hint: hints[(cause as NodeJS.ErrnoException | undefined)?.code ?? ""] ?? "Start it: flibs network ensure",
            cause,
          }),
        );
      const asked = http.request(
        { socketPath, path, method, timeout: timeoutMs, headers: bytes ? { "content-type": type, "content-length": bytes.length } : {} },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on("data", (chunk: Buffer) => chunks.push(chunk));
          answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks) }));
          answer.on("error", (error) => refuse(error.message, error));
        },
      );
      asked.on("timeout", () => asked.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
      asked.on("error", (error) => refuse(error.message, error));
      asked.end(bytes);
    });
  };
  return {
    call,
    ping: () =>
      call("GET", "/_ping").then(
        ({ status }) => status === 200,
        () => false,
      ),
    async defaultNetwork() {
      const { status, body } = await call("GET", "/networks/bridge");
      if (status === 404) return { bridge: undefined, ipv6: false };
      const { EnableIPv6: ipv6, Options: options } = Network.parse(JSON.parse(body.toString("utf8")));
      return { bridge: options?.["com.docker.network.bridge.name"], ipv6 };
    },
  };
}
