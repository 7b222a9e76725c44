type Named = { readonly endpoint: string; readonly publicName: string };

/**
 * First content of a registry-manifest repository, path to text, for `flibs init` and the demo: a policy that sends every repository from
 * candidate to all production registries, and a README for those who open it on the forge. `platforms` are those that each release must have:
 * what the engine can build. Pure.
 */
export function initialManifestRepository(
  registries: Readonly<Record<string, Named>>,
  platforms: readonly string[],
): Readonly<Record<string, string>> {
  const registry = ([name, { endpoint, publicName }]: [string, Named]) =>
    `  ${name}: {endpoint: ${JSON.stringify(endpoint)}, publicName: ${JSON.stringify(publicName)}, signingKey: ${name}}\n`;
  const production = Object.keys(registries).filter((name) => name !== "candidate");
  const policy = [
    "# Owned by release engineers. A pull request changes either this file or image files, never both.\n",
    "schema: 1\n",
    "registries:\n",
    ...Object.entries(registries).map(registry),
    "routes:\n",
    `  - {match: "**", from: candidate, to: [${production.join(", ")}]}\n`,
    "tags:\n",
    "  # version-release; never moves once it is released\n",
    "  immutable: '^[0-9A-Za-z_][\\w.]*-[0-9][\\w.]*$'\n",
    "  floating: ['^latest$', '^[0-9A-Za-z_][\\w.]*$']\n",
    `platforms: {require: [${platforms.join(", ")}]}\n`,
    "# Test suites besides those that a repository itself requires; signature is the candidate's\n",
    "gates: [signature]\n",
  ].join("");
  return { "policy.yaml": policy, "README.md": readme };
}

const readme = `# Registry manifests

What the production registries have, as text: one file for each image below \`images/\`. Merging a pull request here releases.

- \`releases\` is append-only: a release tag never changes what it stands for.
- \`floating\` tags point to releases. To roll back, point them back and merge; or revert the newest promotion:
  its release then stays in the registries under its own tag.
- \`withdrawn\` takes a release's signatures away: nobody who checks signatures can pull it any more.
- Quote tags that are not plain words: \`"1.10"\` is a tag, \`1.10\` is the number 1.1.

flibs proposes each passing build as a pull request on the branch \`promote/<image>\`, and checks every pull request by trying the release
without writing. \`policy.yaml\` says what goes where; it is changed in pull requests of its own.
`;
