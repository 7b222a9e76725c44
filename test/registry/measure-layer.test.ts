import { Readable } from "node:stream";
import { deflateRawSync, gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { digestOf } from "../../src/domain/digest.ts";
import { appError } from "../../src/domain/errors.ts";
import { layerMeasurer, type NamedLayer } from "../../src/registry/measure-layer.ts";

const tar = Buffer.from("whatever a layer holds ".repeat(200_000));
const measured = { diffId: digestOf(tar), sizeBytes: tar.length };
const never = new AbortController().signal;
const gzipType = "application/vnd.oci.image.layer.v1.tar+gzip";
const budgetOf = (left = 2 ** 30, late = never) => ({ left, late });

function world(bytes: Buffer, mediaType = "application/vnd.oci.image.layer.v1.tar+gzip") {
  const state = {
    opened: 0,
    ends: 0,
    sendsParts: true,
    destroyed: 0,
    fault: undefined as Error | undefined,
    breaksAt: undefined as number | undefined,
    at: (_: number): unknown => undefined,
  };
  const measure = layerMeasurer({
    endpoint: "r.test",
    readBlobEnd: async (_, blob, count) => {
      state.ends += 1;
      return state.sendsParts ? bytes.subarray(blob.size - count) : undefined;
    },
    openBlob: async () => {
      state.opened += 1;
      if (state.fault !== undefined) throw state.fault;
      const pieces = (function* () {
        for (let at = 0; at < bytes.length; at += 1000) {
          if (state.breaksAt !== undefined && at >= state.breaksAt) throw new Error("ECONNRESET");
          state.at(at);
          yield bytes.subarray(at, at + 1000);
        }
      })();
      const body = Readable.from(pieces);
      body.on("close", () => {
        state.destroyed += 1;
      });
      return body;
    },
  });
  const layer: NamedLayer = { mediaType, digest: digestOf(bytes), size: bytes.length, diffId: measured.diffId };
  return {
    state,
    layer,
    measure: (changes: Partial<NamedLayer> = {}, budget = budgetOf(), signal = never) =>
      measure("repo", { ...layer, ...changes }, budget, signal),
  };
}

test.each([
  ["application/vnd.oci.image.layer.v1.tar+gzip", gzipSync(tar)],
  ["application/vnd.docker.image.rootfs.diff.tar.gzip", gzipSync(tar)],
  ["application/vnd.oci.image.layer.v1.tar+zstd", zstdCompressSync(tar)],
  ["application/vnd.oci.image.layer.v1.tar", tar],
  // estargz and parallel compressors write one member after the other.
  ["application/vnd.oci.image.layer.v1.tar+gzip", Buffer.concat([gzipSync(tar.subarray(0, 1000)), gzipSync(tar.subarray(1000))])],
])("%s is unpacked on its way", async (mediaType, bytes) => {
  const { measure, state } = world(bytes, mediaType);
  expect(await measure()).toEqual(measured);
  expect(state).toMatchObject({ opened: 1, destroyed: 1 });
});

test("a layer is read once in the life of the process", async () => {
  const { measure, state } = world(gzipSync(tar));
  expect([await measure(), await measure()]).toEqual([measured, measured]);
  expect(state.opened).toBe(1);
});

test.each([
  ["another kind of compression", gzipSync(tar), "application/vnd.oci.image.layer.v1.tar+lzma"],
  ["something else altogether", tar, "application/octet-stream"],
  ["what is no gzip", tar, "application/vnd.oci.image.layer.v1.tar+gzip"],
  ["what is no zstd", tar, "application/vnd.oci.image.layer.v1.tar+zstd"],
  ["a stream that ends too soon", gzipSync(tar).subarray(0, 200), "application/vnd.oci.image.layer.v1.tar+gzip"],
  ["a bare deflate stream", deflateRawSync(tar), "application/vnd.oci.image.layer.v1.tar+gzip"],
])("%s is not measured, and is no error", async (_, bytes, mediaType) => {
  expect(await world(bytes, mediaType).measure()).toBeUndefined();
});

test("a layer that stands elsewhere is not measured", async () => {
  const { measure, state } = world(tar);
  state.fault = appError("registry.blob-unknown", "not here");
  expect(await measure()).toBeUndefined();
});

test("what unpacks to something else because the registry has other bytes is an error, and is not remembered", async () => {
  const { measure, state } = world(gzipSync(tar));
  for (let i = 0; i < 2; i++) {
    const wanted = { digest: digestOf("another"), diffId: digestOf("what it holds") };
    await expect(measure(wanted)).rejects.toMatchObject({ code: "registry.digest-mismatch" });
  }
  expect(state.opened).toBe(4);
});

test("what unpacks to something else although the bytes are right is told as it is", async () => {
  expect(await world(gzipSync(tar)).measure({ diffId: digestOf("what the configuration says") })).toEqual(measured);
});

test("a connection that breaks off is transient", async () => {
  const { measure, state } = world(gzipSync(tar, { level: 0 }));
  state.breaksAt = 5000;
  await expect(measure()).rejects.toMatchObject({ code: "registry.unreachable", kind: "transient" });
  state.breaksAt = undefined;
  expect(await measure()).toEqual(measured);
});

test("a layer that unpacks to more than the budget is left, and is read again for a larger budget only", async () => {
  const { measure, state } = world(gzipSync(tar));
  const budget = budgetOf(tar.length - 1);
  expect(await measure({}, budget)).toBeUndefined();
  expect(budget.left).toBeLessThan(0);
  expect(state).toMatchObject({ opened: 1, destroyed: 1 });
  for (const left of [tar.length - 1, 1000, 0, budget.left]) expect(await measure({}, budgetOf(left))).toBeUndefined();
  expect(state.opened).toBe(1);
  const larger = budgetOf(tar.length);
  expect(await measure({}, larger)).toEqual(measured);
  expect(larger.left).toBe(0);
  // Known by now, so it costs nothing.
  expect(await measure({}, budgetOf(0))).toEqual(measured);
  expect(state.opened).toBe(2);
});

test("layers share a budget, also those that turn out to be broken", async () => {
  const whole = world(gzipSync(tar));
  const broken = world(Buffer.concat([gzipSync(tar), Buffer.from([0x1f, 0x8b, 8, 0xff])]));
  const budget = budgetOf(2.5 * tar.length);
  expect(await broken.measure({}, budget)).toBeUndefined();
  expect(budget.left).toBeLessThan(1.6 * tar.length);
  expect(await whole.measure({}, budget)).toEqual(measured);
  expect(await world(gzipSync(tar)).measure({}, budget)).toBeUndefined();
});

test("a bomb is left after what the budget has, not after all that it holds", async () => {
  const bomb = gzipSync(Buffer.alloc(64 * 2 ** 20));
  const { measure } = world(bomb);
  const budget = budgetOf(2 ** 20);
  expect(await measure({}, budget)).toBeUndefined();
  expect(budget.left).toBeGreaterThan(-(2 ** 20));
});

test("a layer that takes too long is left and not read again; a cancelled build is told apart", async () => {
  const late = new AbortController();
  const { measure, state, layer } = world(gzipSync(tar, { level: 0 }));
  state.at = (at) => at >= 5000 && late.abort();
  expect(await measure({}, budgetOf(2 ** 30, late.signal))).toBeUndefined();
  expect(await measure()).toBeUndefined();
  expect(state.opened).toBe(1);
  const other = world(gzipSync(tar, { level: 0 }));
  expect(await other.measure(layer, budgetOf(2 ** 30, AbortSignal.abort()))).toBeUndefined();
  expect(other.state.opened).toBe(0);
  const cancel = new AbortController();
  other.state.at = (at) => {
    if (at < 5000) return;
    cancel.abort();
    throw new Error("cancelled");
  };
  await expect(other.measure({}, budgetOf(), cancel.signal)).rejects.toThrow("cancelled");
});

describe("a layer that was checked when it was packed", () => {
  const blocks = Buffer.alloc(20 * 512, "a block of an archive ");
  const checked = { diffId: digestOf(blocks), isChecked: true };
  const wanted = { diffId: checked.diffId, sizeBytes: blocks.length };

  test("says at its end what it unpacks to, and is remembered", async () => {
    const { measure, state } = world(gzipSync(blocks));
    expect([await measure(checked), await measure(checked)]).toEqual([wanted, wanted]);
    expect(state).toMatchObject({ opened: 0, ends: 1 });
  });

  test.each([
    ["from a registry that sends no parts", { sendsParts: false }, gzipSync(blocks), gzipType, 1],
    ["in another kind of compression", {}, zstdCompressSync(blocks), "application/vnd.oci.image.layer.v1.tar+zstd", 0],
    ["that is not compressed", {}, blocks, "application/vnd.oci.image.layer.v1.tar", 0],
    ["in several members", {}, Buffer.concat([gzipSync(blocks.subarray(0, 700)), gzipSync(blocks.subarray(700))]), gzipType, 1],
  ] as const)("%s is unpacked all the same", async (_, change, bytes, mediaType, ends) => {
    const { measure, state } = world(bytes, mediaType);
    Object.assign(state, change);
    expect(await measure(checked)).toEqual(wanted);
    expect(state).toMatchObject({ opened: 1, ends });
  });

  test("is told for any budget, since nothing is unpacked", async () => {
    const { measure, state } = world(gzipSync(blocks));
    expect(await measure(checked, budgetOf(0))).toEqual(wanted);
    expect(state.opened).toBe(0);
  });
});
