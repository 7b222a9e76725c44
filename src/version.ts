/** Name and version as they stand in signatures and user agents. */
export const version = "0.1.0";
