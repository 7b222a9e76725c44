/**
 * What a container prints, as the engine sends it when there is no terminal: frames of an 8 byte header (stream, length) and bytes (Engine API,
 * "Stream format"). `1` is standard output, `2` standard error. Returns at the end of the stream, or when the signal aborts.
 */
export async function readFrames(
  output: NodeJS.ReadableStream,
  signal: AbortSignal,
  take: (stream: 1 | 2, bytes: Uint8Array) => void,
): Promise<void> {
  let header = Buffer.alloc(0);
  let left = 0;
  for await (const piece of output as AsyncIterable<Buffer>) {
    for (let chunk = piece; chunk.length > 0; ) {
      if (left === 0) {
        const wanted = 8 - header.length;
        header = Buffer.concat([header, chunk.subarray(0, wanted)]);
        chunk = chunk.subarray(wanted);
        if (header.length < 8) break;
        left = header.readUInt32BE(4);
      }
      const body = chunk.subarray(0, left);
      left -= body.length;
      chunk = chunk.subarray(body.length);
      take(header[0] === 2 ? 2 : 1, body);
      if (left === 0) header = Buffer.alloc(0);
    }
    if (signal.aborted) return;
  }
}
