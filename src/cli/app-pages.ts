import { createHash } from "node:crypto";

/** A page with everything that may be said about it to the browser. */
export interface Page {
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
}

const style = "body{font:1rem/1.5 sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}code{overflow-wrap:anywhere}";
const submit = "document.forms[0].requestSubmit()";

/** Posts a manifest to GitHub by itself; without scripts a person presses the button. */
export function postingPage(form: { readonly action: string; readonly manifest: string }): Page {
  const host = new URL(form.action).origin;
  return page(
    "Make the GitHub App",
    `<p>Your browser goes on to <code>${escaped(host)}</code>, where you choose the App's name and confirm.</p>
<form action="${escaped(form.action)}" method="post">
<input type="hidden" name="manifest" value="${escaped(form.manifest)}">
<button>Go on</button>
</form>
<p>If it does not, log in to <code>${escaped(host)}</code> in this browser first, then load this page again.</p>
<script>${submit}</script>`,
    // Browsers hold redirects to it as well: who is sent to an identity provider first has to log in before, as the page says.
    `script-src '${sourceHash(submit)}'; form-action ${host}`,
  );
}

export function tellingPage(title: string, text: string): Page {
  return page(title, `<p>${escaped(text)}</p>`, "form-action 'none'");
}

function page(title: string, body: string, policy: string): Page {
  return {
    html: `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${escaped(title)} - flibs</title>
<style>${style}</style>
<h1>${escaped(title)}</h1>
${body}
</html>
`,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": `default-src 'none'; style-src '${sourceHash(style)}'; base-uri 'none'; frame-ancestors 'none'; ${policy}`,
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
      // The path of the first page is a secret, and code and state are in the address of the last one. GitHub still learns the origin: with none at
      // all browsers post "Origin: null", which looks like an attack.
      "referrer-policy": "strict-origin",
    },
  };
}

/** For text and for attributes in double quotes. */
function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function sourceHash(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
