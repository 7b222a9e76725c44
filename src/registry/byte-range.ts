/**
 * The `Range` header of an upload session: `0-<last>`, with or without `bytes=`; gives the number of bytes that the registry has, or
 * undefined for anything else. `0-0` is ambiguous by the specification (nothing or one byte) and docker-registry means nothing by it.
 */
export function parseUploadedBytes(header: string | undefined): number | undefined {
  const found = /^(?:bytes[= ])?0-(\d{1,15})$/.exec(header?.trim() ?? "");
  if (found?.[1] === undefined) return undefined;
  const last = Number(found[1]);
  return last === 0 ? 0 : last + 1;
}
