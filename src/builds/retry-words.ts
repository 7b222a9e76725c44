import type { BuildRequested } from "./build-record.ts";
import { inlineCode } from "./status-text.ts";

/** How to have it tried again, in Markdown. Buttons are not on every forge, so there is always something that works without. */
export function retryWords({ pull }: Pick<BuildRequested, "pull">, suite?: string): string {
  if (pull === undefined) return "**Try again**: push a commit, or use the re-run button where the forge has one";
  if (suite === undefined) return "**Try again**: push a commit if something had to be mended, then comment `/build`";
  return `**Try again**: comment ${inlineCode(`/test ${suite}`)}; if something had to be mended, push a commit, then comment \`/build\``;
}
