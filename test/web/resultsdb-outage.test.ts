import { expect, test } from "@jest/globals";
import fastify from "fastify";
import { appError } from "../../src/domain/errors.ts";
import type { ResultsReader } from "../../src/gating/results-reader.ts";
import { silentLog } from "../../src/log.ts";
import { resultsdbRoutes } from "../../src/web/resultsdb-routes.ts";

test.each([
  [appError("store.unavailable", "too many ask at once"), 503, "Results cannot be read now: ask again later, or for less"],
  [new Error("secret"), 500, "An internal error, see the log of the service"],
])("%s is told apart", async (error, status, message) => {
  const results = { list: () => Promise.reject(error) } as Partial<ResultsReader> as ResultsReader;
  const server = fastify();
  await server.register(resultsdbRoutes({ results, log: silentLog }, { publicUrl: "http://flibs.example.test" }));
  const answer = await server.inject({ method: "GET", url: "/resultsdb/api/v2.0/results" });
  expect([answer.statusCode, answer.json()]).toEqual([status, { message }]);
  expect((await server.inject({ method: "GET", url: "/resultsdb/api/v2.0/results?item=%00" })).statusCode).toBe(400);
});
