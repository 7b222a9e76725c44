import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import protobuf from "protobufjs";
import { buildkitProgress, instructionOf, layerOf } from "../../src/engines/docker/buildkit-progress.ts";
import { decodeTrace } from "../../src/engines/docker/buildkit-trace.ts";

/** After moby/buildkit, api/services/control/control.proto; with fields that flibs does not read. */
const StatusResponse = protobuf
  .parse(
    `syntax = "proto3";
    message Time { int64 seconds = 1; int32 nanos = 2; }
    message Vertex { string digest = 1; repeated string inputs = 2; string name = 3; bool cached = 4; Time started = 5; Time completed = 6; string error = 7; }
    message VertexStatus { string ID = 1; string vertex = 2; int64 current = 4; fixed64 some = 98; fixed32 other = 99; }
    message VertexLog { string vertex = 1; Time timestamp = 2; int64 stream = 3; bytes msg = 4; }
    message VertexWarning { string vertex = 1; int64 level = 2; bytes short = 3; repeated bytes detail = 4; }
    message StatusResponse { repeated Vertex vertexes = 1; repeated VertexStatus statuses = 2; repeated VertexLog logs = 3; repeated VertexWarning warnings = 4; }`,
    { keepCase: true },
  )
  .root.lookupType("StatusResponse");

function encode(message: Record<string, unknown>): string {
  return Buffer.from(StatusResponse.encode(StatusResponse.fromObject(message)).finish()).toString("base64");
}

const time = fc.record({ seconds: fc.integer({ min: 0 }), nanos: fc.nat() });
const vertex = fc.record(
  {
    digest: fc.string(),
    inputs: fc.array(fc.string(), { maxLength: 3 }),
    name: fc.string({ unit: "binary" }),
    cached: fc.boolean(),
    error: fc.string(),
  },
  { requiredKeys: ["digest", "name", "cached", "error"] },
);

describe("the decoder", () => {
  test("reads what another implementation has written", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(vertex, fc.option(time, { nil: undefined }), fc.option(time, { nil: undefined })), { maxLength: 4 }),
        fc.array(fc.record({ vertex: fc.string(), stream: fc.nat(), msg: fc.uint8Array() }), { maxLength: 4 }),
        fc.array(fc.record({ ID: fc.string(), current: fc.nat(), some: fc.nat(), other: fc.nat() }), { maxLength: 2 }),
        (vertexes, logs, statuses) => {
          const told = vertexes.map(([one, started, completed]) => ({
            ...one,
            ...(started && { started }),
            ...(completed && { completed }),
          }));
          const found = decodeTrace(encode({ vertexes: told, logs, statuses, warnings: [{ short: Buffer.from("careful"), level: 1 }] }));
          expect(found.vertexes).toEqual(
            vertexes.map(([{ digest, name, cached, error }, started, completed]) => {
              return { digest, name, cached, error, started: started !== undefined, completed: completed !== undefined };
            }),
          );
          expect(found.logs.map((one) => [one.vertex, Buffer.from(one.bytes).toString("hex")])).toEqual(
            logs.map((one) => [one.vertex, Buffer.from(one.msg).toString("hex")]),
          );
          expect(found.warnings).toEqual(["careful"]);
        },
      ),
    );
  });

  test("any other bytes are an error or a trace, and never hang", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeTrace(Buffer.from(bytes).toString("base64"));
        } catch (error) {
          expect((error as Error).message).toMatch(/^a trace of BuildKit /);
        }
      }),
    );
  });
});

describe("the log", () => {
  const start = { started: { seconds: 1 } };
  const end = { ...start, completed: { seconds: 2 } };
  const log = (digest: string, text: string | Uint8Array) => encode({ logs: [{ vertex: digest, stream: 1, msg: Buffer.from(text) }] });
  const vertexes = (...all: Record<string, unknown>[]) => encode({ vertexes: all });

  test("tells whose lines follow, whoever prints in between, and nothing of our own upload", () => {
    const progress = buildkitProgress();
    const traces = [
      vertexes({ digest: "0", name: "[internal] load remote build context", ...end }, { digest: "00", name: "copy /context /", ...end }),
      vertexes({ digest: "a", name: "[build 1/2] RUN make", ...start }),
      log("a", "compiling"),
      vertexes({ digest: "b", name: "[stage-1 1/1] COPY bin /bin", ...start }),
      log("a", " still\n"),
      vertexes({ digest: "b", name: "[stage-1 1/1] COPY bin /bin", cached: true, ...end }),
    ];
    expect(traces.map(progress.read).join("")).toBe(
      "#1 [build 1/2] RUN make\ncompiling\n#2 [stage-1 1/1] COPY bin /bin\n#1 [build 1/2] RUN make\n still\n#2 [stage-1 1/1] COPY bin /bin\nCACHED\n",
    );
    expect(progress.running()).toEqual(["[build 1/2] RUN make"]);
    expect(progress.place()).toEqual({ layer: { stage: "build", number: 1, keyword: "RUN" } });
  });

  test("a letter that comes in two messages is one letter", () => {
    const progress = buildkitProgress();
    const [first, second] = [Buffer.from("ü").subarray(0, 1), Buffer.from("ü\n").subarray(1)];
    expect([vertexes({ digest: "a", name: "[1/1] RUN x", ...start }), log("a", first), log("a", second)].map(progress.read).join("")).toBe(
      "#1 [1/1] RUN x\nü\n",
    );
  });

  test("the first that fails is the reason, not those that are cancelled for it", () => {
    const progress = buildkitProgress();
    progress.read(
      vertexes({ digest: "a", name: "[1/2] RUN sleep 9", ...start }, { digest: "b", name: "[stage-1 2/3] RUN exit 3", ...start }),
    );
    progress.read(vertexes({ digest: "a", name: "[1/2] RUN sleep 9", ...end, error: "rpc error: context canceled" }));
    const text = progress.read(
      vertexes({ digest: "b", name: "[stage-1 2/3] RUN exit 3", ...end, error: "did not\ncomplete: exit code: 3" }),
    );
    expect(text).toBe("ERROR: did not complete: exit code: 3\n");
    expect(progress.failed()).toEqual({
      instruction: "RUN exit 3",
      error: "did not\ncomplete: exit code: 3",
      place: { layer: { stage: "stage-1", number: 2, keyword: "RUN" } },
    });
  });

  test("a vertex's name cannot begin a line of its own", () => {
    const progress = buildkitProgress();
    expect(progress.read(vertexes({ digest: "a", name: "[1/1] RUN echo\n#7 [1/1] RUN forged", ...start }))).toBe(
      "#1 [1/1] RUN echo #7 [1/1] RUN forged\n",
    );
  });
});

test.each([
  ["[2/5] RUN make", { number: 2, keyword: "RUN" }],
  ["[ 2/15] WORKDIR /src", { number: 2, keyword: "WORKDIR" }],
  ["[build 12/15] COPY . .", { stage: "build", number: 12, keyword: "COPY" }],
  ["[linux/arm64 build 1/2] FROM quay.io/a/b@sha256:1", { stage: "build", number: 1, keyword: "FROM" }],
  ["[linux/arm64 1/2] ADD a b", { number: 1, keyword: "ADD" }],
  ["[internal] load metadata for quay.io/a/b", undefined],
  ["exporting to image", undefined],
  ["[1/2", undefined],
])("the place of %s", (name, layer) => {
  expect(layerOf(name)).toEqual(layer);
});

test("an instruction is told without what BuildKit writes before it", () => {
  expect(instructionOf("[build 2/5] RUN a\nb")).toBe("RUN a b");
});
