import { parentPort } from "node:worker_threads";
import { parseLeftYaml } from "./left-yaml.ts";
import type { ApartRequest } from "./parse-yaml-apart.ts";

// A thread that may be stopped at any time; parse-yaml-apart.ts holds the other end.
parentPort?.once("message", ({ files, maxAliases }: ApartRequest) => {
  parentPort?.postMessage(files.map((bytes) => parseLeftYaml(bytes, maxAliases)));
});
parentPort?.postMessage("ready");
