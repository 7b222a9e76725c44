import { type Html, html } from "../html.ts";

export interface PageHead {
  readonly title: string;
  /** The page is asked for again every few seconds while something on it still changes. */
  readonly live?: boolean;
}

/** A whole document around the content of `<main>`. */
export function page(head: PageHead, content: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${head.title} · flibs</title>
<link rel="stylesheet" href="/assets/flibs.css">
<script src="/assets/flibs.js" defer></script>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header><a class="brand" href="/">flibs</a><nav aria-label="Pages"><a href="/">Builds</a><a href="/pulls">Pull requests</a><a href="/releases">Releases</a></nav></header>
<main id="content"${head.live ? html` data-live` : ""}>
${content}
</main>
</body>
</html>
`.markup;
}
