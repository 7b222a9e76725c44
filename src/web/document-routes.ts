import type { FastifyInstance, FastifyReply } from "fastify";
import { metadataName } from "../documents/document-names.ts";
import type { WebPorts } from "./ports.ts";

/**
 * `/builds/<id>/documents/<name>`: a document of a build, byte for byte, with its own media type. `/builds/<id>/metadata.json` is the one that
 * Koji's tools look for.
 */
export function documentRoutes(ports: Pick<WebPorts, "builds">) {
  return async (server: FastifyInstance): Promise<void> => {
    server.get("/builds/:id/metadata.json", (request, reply) => {
      const { id } = request.params as { id: string };
      return sendDocument(ports, id, metadataName, reply);
    });
    server.get("/builds/:id/documents/:name", (request, reply) => {
      const { id, name } = request.params as { id: string; name: string };
      return sendDocument(ports, id, name, reply);
    });
  };
}

async function sendDocument({ builds }: Pick<WebPorts, "builds">, id: string, name: string, reply: FastifyReply): Promise<FastifyReply> {
  const document = await builds.findDocument(id, name);
  if (document === undefined) {
    const kept = await builds.listDocuments(id);
    const said =
      kept.length > 0
        ? `this build has ${kept.map((one) => one.name).join(", ")}`
        : "no documents are kept of this build: there is none, it has not got that far, or an older release built it";
    return reply.code(404).header("cache-control", "no-store").type("text/plain; charset=utf-8").send(`no such document; ${said}\n`);
  }
  // A build that is taken up again at the very end may replace them.
  return reply
    .headers({ "cache-control": "no-cache", "content-disposition": `inline; filename="${document.name}"` })
    .type(document.mediaType)
    .send(Buffer.from(document.text));
}
