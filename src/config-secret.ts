import { z } from "zod";

/** A secret is named, never written: an environment variable or a file whose trimmed content it is. */
export const Secret = z.union([
  z.strictObject({ env: z.string().min(1).describe("Name of the environment variable that holds the secret") }),
  z.strictObject({ file: z.string().min(1).describe("Path of the file whose trimmed content is the secret") }),
]);
export type Secret = z.infer<typeof Secret>;
