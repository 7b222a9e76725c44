import { cutBytes } from "../cut-text.ts";
import type { Annotation } from "../forge.ts";

/** GitHub takes so many in a request and appends those of the next. */
export const annotationsPerRequest = 50;
/** More than this nobody reads; the page has all of them. */
const mostAnnotations = 250;
const longestMessage = 64_000;
const longestTitle = 255;

/** As GitHub takes and gives it back. */
export interface RunAnnotation {
  readonly path: string;
  readonly start_line: number;
  readonly end_line: number;
  readonly annotation_level: Annotation["level"];
  readonly message: string;
  readonly title?: string;
}

const severity: readonly Annotation["level"][] = ["failure", "warning", "notice"];

/** Pure: those that are sent, most severe first, each once. */
export function runAnnotations(annotations: readonly Annotation[]): readonly RunAnnotation[] {
  const distinct = new Map<string, RunAnnotation>();
  for (const annotation of annotations) {
    if (annotation.message === "" || annotation.path === "" || annotation.line < 1) continue;
    const one = runAnnotation(annotation);
    distinct.set(annotationKey(one), one);
  }
  return [...distinct.values()]
    .sort((a, b) => severity.indexOf(a.annotation_level) - severity.indexOf(b.annotation_level))
    .slice(0, mostAnnotations);
}

function runAnnotation({ path, line, endLine, level, message, title }: Annotation): RunAnnotation {
  return {
    path,
    start_line: line,
    end_line: Math.max(line, endLine ?? line),
    annotation_level: level,
    message: cutBytes(message, longestMessage),
    ...(title === undefined || title === "" ? {} : { title: cutBytes(title, longestTitle) }),
  };
}

/** Two of the same key are the same remark. */
export function annotationKey(one: {
  readonly path: string;
  readonly start_line: number;
  readonly end_line: number;
  readonly annotation_level: string | null;
  readonly message: string | null;
  readonly title?: string | null;
}): string {
  return JSON.stringify([one.path, one.start_line, one.end_line, one.annotation_level, one.message, one.title ?? ""]);
}
