/**
 * Names that suites can have in every form in which they are declared: they stand in statuses, in comment commands, in results and waivers.
 * Letters of one case, so that no two of them look alike.
 */
export const suiteName = /^[a-z0-9][a-z0-9_-]{0,39}$/;

/** For people: what {@link suiteName} takes. */
export const suiteNameWords = "lower-case letters, digits, dashes and underscores, at most 40";
