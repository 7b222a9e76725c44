/** The step of one try of a suite, which is its log's name too. The first try has the name that older releases gave it. */
export function testStepName(suite: string, platform: string, attempt: number): string {
  return `test ${suite} ${platform}${attempt === 1 ? "" : ` try ${attempt}`}`;
}

/** Where an artifact is; `pages` is what addresses of builds begin with, `/builds` on the same server. */
export function artifactAddress(pages: string, build: string, result: number, name: string): string {
  return `${pages}/${encodeURIComponent(build)}/tests/${result}/artifacts/${name.split("/").map(encodePart).join("/")}`;
}

/** Where one result is as JUnit XML. */
export function junitAddress(pages: string, build: string, result: number): string {
  return `${pages}/${encodeURIComponent(build)}/tests/${result}/junit.xml`;
}

/** Brackets and the like would end a link in Markdown. */
function encodePart(part: string): string {
  return encodeURIComponent(part).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
