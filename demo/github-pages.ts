import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { html } from "../src/web/html.ts";
import type { Github } from "../test/fakes/github/github.ts";
import { repositories } from "./first-manifests.ts";
import { documentOf, pullPage, stateBadge, stateOf } from "./github-pull-page.ts";

/** All pull requests of the double, file name to page; `index.html` leads to the others. */
async function pagesOf(github: Github): Promise<ReadonlyMap<string, string>> {
  const pages = new Map<string, string>();
  const lists = [];
  for (const repository of repositories) {
    const rows = [];
    for (const pull of github.reads.pulls(repository)) {
      const name = `${repository.replace("/", "-")}-${pull.number}.html`;
      pages.set(name, await pullPage(github, repository, pull));
      const by = html`<span class="quiet">#${pull.number}, by ${pull.author}</span>`;
      rows.push(html`<li>${stateBadge(stateOf(pull))} <a href="${name}">${pull.title}</a> ${by}</li>`);
    }
    lists.push(html`<h2>${repository}</h2><ul class="cards">${rows}</ul>`);
  }
  pages.set("index.html", documentOf("Pull requests", html`<h1>Pull requests</h1>${lists}`));
  return pages;
}

/** Writes the pages; returns the path of the first. */
export async function writePages(directory: string, github: Github): Promise<string> {
  await mkdir(directory, { recursive: true });
  for (const [name, page] of await pagesOf(github)) await writeFile(join(directory, name), page);
  return join(directory, "index.html");
}

export interface ServedPages {
  readonly address: string;
  close(): Promise<void>;
}

/** On loopback, made anew for each request: what happens meanwhile is on them. */
export async function servePages(github: Github): Promise<ServedPages> {
  const server = createServer((request, response) => {
    const name = (request.url ?? "/").split("?")[0]?.slice(1) || "index.html";
    pagesOf(github).then(
      (pages) => {
        const page = pages.get(name);
        response.writeHead(page === undefined ? 404 : 200, { "content-type": "text/html; charset=utf-8" });
        response.end(page ?? "no such page");
      },
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
