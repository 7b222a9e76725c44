import type { BuildPlace, LayerPlace } from "../engine.ts";
import { decodeTrace, type Vertex } from "./buildkit-trace.ts";

/** Goes through what BuildKit tells and writes it as a log that people can read: what is done in whose name, then what it prints. */
export interface BuildkitProgress {
  /** The log's next piece of a trace; empty when it tells nothing new. Throws `Error` for bytes that are no trace. */
  read(trace: string): string;
  /** The RUN instructions that are at work. */
  running(): readonly string[];
  /** Where the build is: the instruction that began last and has not ended, else the last that began. */
  place(): BuildPlace;
  /** The vertex that failed first; undefined while all is well. */
  failed(): { readonly instruction: string; readonly error: string; readonly place: BuildPlace } | undefined;
}

interface Known {
  readonly number: number;
  readonly name: string;
  /** Bytes of a letter may come in two messages. */
  readonly decode: (bytes: Uint8Array) => string;
  started: boolean;
  completed: boolean;
}

/** More vertexes than this are not remembered: a Dockerfile may have a thousand instructions, each makes one or a few. */
const maxVertexes = 20_000;

export function buildkitProgress(): BuildkitProgress {
  const vertexes = new Map<string, Known>();
  /** Who printed last, and whether the line is complete. */
  let speaker: Known | undefined;
  let lineEnded = true;
  let last: Known | undefined;
  let failure: { readonly instruction: string; readonly error: string; readonly place: BuildPlace } | undefined;

  function header(known: Known): string {
    if (speaker === known) return "";
    speaker = known;
    const line = `${lineEnded ? "" : "\n"}#${known.number} ${oneLine(known.name)}\n`;
    lineEnded = true;
    return line;
  }

  function seen(vertex: Vertex): string {
    if (isOurOwn(vertex.name)) return failing(vertex);
    let known = vertexes.get(vertex.digest);
    if (known === undefined) {
      if (vertexes.size >= maxVertexes) return "";
      known = { number: vertexes.size + 1, name: vertex.name, decode: utf8(), started: false, completed: false };
      vertexes.set(vertex.digest, known);
    }
    let text = "";
    if (vertex.started && !known.started) {
      known.started = true;
      if (isInstruction(known.name)) last = known;
      text += header(known);
    }
    if (vertex.completed && !known.completed) {
      known.completed = true;
      if (vertex.cached) text += `${header(known)}CACHED\n`;
    }
    return text + failing(vertex, known);
  }

  function failing(vertex: Vertex, known?: Known): string {
    // When one fails BuildKit cancels the others, and each of them says so as an error of its own.
    if (vertex.error === "" || failure !== undefined || /context canceled$/.test(vertex.error)) return "";
    failure = { instruction: instructionOf(vertex.name), error: vertex.error, place: placeOf(vertex.name) };
    const head = known === undefined ? "" : header(known);
    const text = `${head}${lineEnded ? "" : "\n"}ERROR: ${oneLine(vertex.error)}\n`;
    lineEnded = true;
    return text;
  }

  return {
    read(trace) {
      const told = decodeTrace(trace);
      let text = told.vertexes.map(seen).join("");
      for (const { vertex, bytes } of told.logs) {
        const known = vertexes.get(vertex);
        if (known === undefined) continue;
        const printed = known.decode(bytes);
        if (printed === "") continue;
        text += header(known) + printed;
        lineEnded = printed.endsWith("\n");
      }
      for (const warning of told.warnings) {
        if (warning === "") continue;
        text += `${lineEnded ? "" : "\n"}warning: ${oneLine(warning)}\n`;
        lineEnded = true;
      }
      return text;
    },
    running: () => [...vertexes.values()].filter((one) => one.started && !one.completed && isRun(one.name)).map((one) => one.name),
    place: () => {
      const open = [...vertexes.values()].findLast((one) => one.started && !one.completed && isInstruction(one.name));
      const at = open ?? last;
      return at === undefined ? {} : placeOf(at.name);
    },
    failed: () => failure,
  };
}

/** What stands for our own upload: nobody's line. */
function isOurOwn(name: string): boolean {
  return name === "[internal] load remote build context" || /^copy \/context \/$/.test(name);
}

function isInstruction(name: string): boolean {
  return layerOf(name) !== undefined;
}

function isRun(name: string): boolean {
  return layerOf(name)?.keyword === "RUN";
}

function placeOf(name: string): BuildPlace {
  const layer = layerOf(name);
  return layer === undefined ? {} : { layer };
}

/** `[linux/arm64 build 2/5] RUN make` gives stage `build`, number 2, RUN; undefined for what is no instruction. */
export function layerOf(name: string): LayerPlace | undefined {
  const end = name.indexOf("] ");
  if (!name.startsWith("[") || end < 0) return undefined;
  const words = name
    .slice(1, end)
    .split(" ")
    .filter((word) => word !== "");
  const number = /^(\d{1,5})\/\d{1,5}$/.exec(words.pop() ?? "")?.[1];
  const keyword = /^[A-Z]+/.exec(name.slice(end + 2))?.[0];
  if (number === undefined || keyword === undefined) return undefined;
  // Before the stage may stand the platform; no name of a stage has a slash.
  const stage = words.findLast((word) => !word.includes("/"));
  return { ...(stage === undefined ? {} : { stage }), number: Number(number), keyword };
}

/** Without what BuildKit writes before it. */
export function instructionOf(name: string): string {
  return oneLine(name.replace(/^\[[^\]]*\] /, ""));
}

function utf8(): (bytes: Uint8Array) => string {
  const decoder = new TextDecoder();
  return (bytes) => decoder.decode(bytes, { stream: true });
}

function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, " ").trim();
}
