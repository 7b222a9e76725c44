/** What commands in comments begin with; no other word of an installation may be one of them. */
export const verbs = ["build", "test", "cancel", "ok-to-test", "promote", "rollback", "withdraw", "waive", "unwaive", "help"] as const;
export type Verb = (typeof verbs)[number];

export function isVerb(text: string): text is Verb {
  return verbs.some((verb) => verb === text);
}
