export const turns: number;
export const filesOfTurn: Readonly<Record<number, readonly string[]>>;
export function readTurn(wanted: string | undefined, countCommits?: () => number): number | undefined;
export function waitingFiles(turn: number | undefined): readonly string[];
export function waitingPatterns(turn: number | undefined): string[];
export function isOnTurn(turn: number | undefined, name: string): boolean;
