/** An error with what people read of it, and nothing that hangs on it; everything else as it is. */
export function plainError(error: unknown, depth?: number): unknown;
