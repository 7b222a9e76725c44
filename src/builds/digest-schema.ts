import { z } from "zod";
import { type Digest as DomainDigest, isDigest } from "../domain/digest.ts";

/** A digest in JSON that others wrote. */
export const Digest = z.custom<DomainDigest>((value) => typeof value === "string" && isDigest(value), "not a sha256 digest");
