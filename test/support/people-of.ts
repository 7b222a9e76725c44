import type { App } from "../../src/app.ts";

/** What people do on the local forge of an installation under test. */
export function peopleOf(app: App): NonNullable<App["people"]> {
  if (app.people) return app.people;
  throw new Error("this installation's forge is not the local one");
}
