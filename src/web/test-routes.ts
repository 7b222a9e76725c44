import type { FastifyInstance, FastifyReply } from "fastify";
import { buildJunit } from "../builds/build-junit.ts";
import { isInert } from "../gating/artifact.ts";
import type { WebPorts } from "./ports.ts";

type Ports = Pick<WebPorts, "builds" | "testResults">;

/**
 * `/builds/<id>/tests/<result>/artifacts/<name>`: a file that a test has left, byte for byte; `/builds/<id>/tests/<result>/junit.xml`: one result.
 * Whoever opens a pull request writes these files. What is not plain text, JSON or a picture is only downloaded, and whatever a browser makes of it has
 * neither our origin nor scripts.
 */
export function testRoutes(ports: Ports) {
  return async (server: FastifyInstance): Promise<void> => {
    server.get("/builds/:id/tests/:result/artifacts/*", (request, reply) => {
      const { id, result, "*": name } = request.params as { id: string; result: string; "*": string };
      return sendArtifact(ports, id, resultNumber(result), name, reply);
    });
    server.get("/builds/:id/tests/:result/junit.xml", async (request, reply) => {
      const { id, result } = request.params as { id: string; result: string };
      const build = await ports.builds.find(id);
      const one = (await ports.testResults.listHistory(id)).find((past) => past.id === resultNumber(result));
      if (build === undefined || one === undefined) return absent(reply, 404, "no such result");
      return reply
        .header("cache-control", "no-store")
        .type("application/xml; charset=utf-8")
        .send(buildJunit(build, [one]));
    });
  };
}

async function sendArtifact(ports: Ports, build: string, result: number, name: string, reply: FastifyReply): Promise<FastifyReply> {
  const artifact = await ports.testResults.findArtifact(build, result, name);
  if (artifact === undefined) {
    const past = (await ports.testResults.listHistory(build)).find((one) => one.id === result);
    const wasThere = past?.artifacts?.includes(name) === true;
    return wasThere
      ? absent(reply, 410, "this file was removed: what tests leave is not kept for ever, their results are")
      : absent(reply, 404, "no such file");
  }
  const shown = isInert(artifact.mediaType) ? "inline" : "attachment";
  return reply
    .headers({
      // A result's artifacts never change.
      "cache-control": "private, max-age=3600",
      "content-disposition": `${shown}; ${fileName(name)}`,
      "content-security-policy": "sandbox; default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
      "cross-origin-resource-policy": "same-origin",
    })
    .type(artifact.mediaType)
    .send(Buffer.from(artifact.content));
}

/** RFC 6266: for old readers, and with all characters. */
function fileName(path: string): string {
  const name = path.split("/").at(-1) ?? "artifact";
  const plain = name.replace(/[^A-Za-z0-9._-]/g, "_");
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
  return `filename="${plain}"; filename*=UTF-8''${encoded}`;
}

/** No result has the number -1. */
function resultNumber(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : -1;
}

function absent(reply: FastifyReply, code: 404 | 410, said: string): FastifyReply {
  return reply.code(code).header("cache-control", "no-store").type("text/plain; charset=utf-8").send(`${said}\n`);
}
