/**
 * What a person does on a forge that has no pages of its own, from the CLI. Only forges that are flibs' own offer this; on GitHub or Pagure people use the
 * forge.
 */
export interface ForgePeople {
  /** Creates a bare repository with its hook, or brings the hook of an existing one up to date. */
  createRepository(repository: string): Promise<void>;
  listRepositories(): Promise<readonly string[]>;
  openPull(request: OpenPull): Promise<{ readonly number: number }>;
  addComment(repository: string, number: number, person: string, text: string): Promise<void>;
  /**
   * Always a merge commit. With `head`, only while the branch still stands there: what was looked at is what is merged.
   * Throws `forge.pull-unmergeable` on conflicts and for a branch that has moved, `forge.pull-closed`, `forge.denied`.
   */
  mergePull(repository: string, number: number, person: string, head?: string): Promise<{ readonly mergeCommit: string }>;
  closePull(repository: string, number: number, person: string): Promise<void>;
}

export interface OpenPull {
  readonly repository: string;
  readonly headBranch: string;
  readonly baseBranch: string;
  readonly title: string;
  readonly body: string;
  readonly person: string;
}
