import { randomInt } from "node:crypto";

/** Crockford's alphabet: in ASCII order, without letters that look like digits. */
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

/**
 * A name for a run or a delivery that a person can read out and that sorts by time: `20261123-v0r7k2q` is the day, the tenth of a second
 * in it (four letters) and `random` random ones (at most 9). With three, two in one tenth of a second may meet; the primary key tells, and
 * the caller asks again. Who cannot ask again, or makes many, takes more.
 */
export function newId(now: Date, random = 3): string {
  const day = now.toISOString().slice(0, 10).replaceAll("-", "");
  const tenths = Math.floor((now.getTime() % 86_400_000) / 100);
  return `${day}-${base32(tenths, 4)}${base32(randomInt(32 ** random), random)}`;
}

function base32(value: number, digits: number): string {
  let text = "";
  for (let rest = value; text.length < digits; rest = Math.floor(rest / 32)) text = alphabet[rest % 32] + text;
  return text;
}
