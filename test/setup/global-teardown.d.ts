export default function globalTeardown(): Promise<void>;
export function removeTestPostgres(directory: string): Promise<void>;
