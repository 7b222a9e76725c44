import type { ResultsQuery } from "./results-query.ts";
import type { KnownResult } from "./resultsdb.ts";

/** A part of a list, and whether more follows. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly more: boolean;
}

type Paged = Pick<ResultsQuery, "page" | "limit">;

/** The API of results: every result but those of strangers' pull requests. */
export interface ResultsReader {
  find(id: number): Promise<KnownResult | undefined>;
  /** Newest first, unless the query says otherwise. */
  list(query: ResultsQuery): Promise<Page<KnownResult>>;
  /** Of each test case, and combination of `distinctOn`, the newest result that fits; newest first. Bounded by the query's limit. */
  listLatest(query: ResultsQuery): Promise<readonly KnownResult[]>;
  /** Suites that have results, by name; `like` is a pattern of whole test case names. */
  listSuites(query: Paged & { readonly names?: readonly string[]; readonly like?: readonly string[] }): Promise<Page<string>>;
  /** Builds that have results, newest first. */
  listGroups(query: Paged & { readonly uuids?: readonly string[] }): Promise<Page<{ readonly uuid: string; readonly build: string }>>;
}
