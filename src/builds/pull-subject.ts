/** What the scratch builds of a pull request have in common: at most one of them runs. */
export function pullBuildSubject(repository: string, number: number): string {
  return `build ${repository} #${number}`;
}
