/** Place of a test file's folder in the order: the smaller, the longer its files take. */
export function rankOf(path: string): number;
