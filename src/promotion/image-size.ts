import type { PlatformImage } from "./image-tree.ts";

/** Bytes of a platform's layers as the registry has them. Pure. */
export function compressedSize(image: PlatformImage): number {
  let sum = 0;
  for (const layer of image.layers) sum += layer.size;
  return sum;
}

/** `4.0 KiB`, `1.2 MiB`. Pure. */
export function formatSize(bytes: number): string {
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

/** `+4.0 KiB`. Pure. */
export function formatDelta(bytes: number): string {
  return `${bytes < 0 ? "−" : "+"}${formatSize(Math.abs(bytes))}`;
}
