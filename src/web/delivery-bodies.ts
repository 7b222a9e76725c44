import type { IncomingMessage } from "node:http";

/** Memory that a piece takes beside its bytes: a sender may cut a body into pieces of one byte. */
const pieceBytes = 256;

/** With the status that it is answered with. */
export type Refusal = Error & { readonly statusCode: 400 | 413 | 503 };

export interface DeliveryBodies {
  /**
   * Reads a body to its end; `done` is called once. A body that is given counts until it is released. With `done` instead of promises: each of hundreds
   * of deliveries in a second goes through it.
   */
  read(request: IncomingMessage, done: (refusal: Refusal | null, body?: Buffer) => void): void;
  /** Nobody holds the body any more. May be called twice. */
  release(request: IncomingMessage): void;
}

/**
 * Bodies of deliveries, each at most `largest` bytes. Nobody has looked at their signatures yet, so all that have begun to come and are not answered
 * hold at most `most` bytes together, or whoever opens connections and waits would fill the memory. Counted as they come: what is only announced
 * keeps nobody out.
 */
export function deliveryBodies(largest: number, most: number): DeliveryBodies {
  const held = new Map<IncomingMessage, number>();
  let total = 0;

  function release(request: IncomingMessage): void {
    total -= held.get(request) ?? 0;
    held.delete(request);
  }

  return {
    release,
    read(request, done) {
      const pieces: Buffer[] = [];
      let length = 0;
      const end = (refusal: Refusal | null) => {
        request.off("data", take).off("end", whole).off("error", broken);
        if (refusal === null) return done(null, pieces.length === 1 ? pieces[0] : Buffer.concat(pieces, length));
        release(request);
        // What still comes is let go, so that the sender gets as far as reading the answer.
        request.resume();
        done(refusal);
      };
      const take = (piece: Buffer) => {
        const cost = piece.length + pieceBytes;
        length += piece.length;
        total += cost;
        held.set(request, (held.get(request) ?? 0) + cost);
        if (length > largest) return end(refuse(413, "the body is too large"));
        if (total > most) return end(refuse(503, `${most} bytes of deliveries are under way`));
        pieces.push(piece);
      };
      const whole = () => end(null);
      const broken = () => end(refuse(400, "the body did not come to its end"));
      if (Number(request.headers["content-length"]) > largest) return end(refuse(413, "the body is too large"));
      request.on("data", take).on("end", whole).on("error", broken);
    },
  };
}

function refuse(statusCode: Refusal["statusCode"], message: string): Refusal {
  return Object.assign(new Error(message), { statusCode });
}
