/** The only style sheet: system fonts, light and dark, narrow screens, print. */
export const pageStyle = `
:root { color-scheme: light dark; --bg: #fff; --fg: #1c2024; --quiet: #5b6570; --line: #d9dee3; --soft: #f4f6f8; --link: #0a58ca;
  --good: #12653a; --good-bg: #d9f2e3; --bad: #a1192b; --bad-bg: #fde1e4; --busy: #7a4d00; --busy-bg: #fdefcf; --idle: #4b5560; --idle-bg: #e8ebee; }
@media (prefers-color-scheme: dark) { :root { --bg: #14181c; --fg: #e4e8ec; --quiet: #9aa5b1; --line: #2e363e; --soft: #1c2228; --link: #7db4ff;
  --good: #8ce0b0; --good-bg: #123524; --bad: #ff9aa6; --bad-bg: #431a20; --busy: #f3cb7b; --busy-bg: #3b2d0e; --idle: #b4bec8; --idle-bg: #2a3138; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--fg); font: 16px/1.5 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; align-items: baseline; padding: .6rem 1rem; border-bottom: 1px solid var(--line); background: var(--soft); }
nav { display: flex; flex-wrap: wrap; gap: 1rem; }
.brand { font-weight: 700; color: var(--fg); text-decoration: none; }
main { max-width: 72rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; line-height: 1.25; overflow-wrap: anywhere; margin: .4rem 0 1rem; }
h2 { font-size: 1.1rem; margin: 1.6rem 0 .5rem; overflow-wrap: anywhere; }
h3, h4, h5 { margin: 1.2rem 0 .3rem; font-size: 1rem; }
a { color: var(--link); text-underline-offset: .15em; }
a.plain { color: inherit; }
a:focus-visible, summary:focus-visible, pre:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -999rem; } .skip:focus { left: 1rem; top: .5rem; background: var(--bg); padding: .25rem .5rem; }
code, pre { font: .875em/1.45 ui-monospace, "DejaVu Sans Mono", Menlo, monospace; overflow-wrap: anywhere; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: 6px; padding: .6rem .75rem; overflow: auto; white-space: pre-wrap; margin: .4rem 0; }
pre.log { max-height: 32rem; } pre.command::before { content: "$ "; color: var(--quiet); }
table { border-collapse: collapse; width: 100%; } .wide { overflow-x: auto; }
th { text-align: left; font-weight: 600; color: var(--quiet); font-size: .875rem; }
th, td { padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
.stack td:first-child, .stack time, .stack code, .stack td[data-label="Took"], .stack td[data-label="Sent"] { white-space: nowrap; }
.badge { display: inline-block; padding: 0 .5em; border-radius: 1em; font-size: .8125rem; font-weight: 600; line-height: 1.6; white-space: nowrap; vertical-align: .1em; background: var(--idle-bg); color: var(--idle); }
.badge.good { background: var(--good-bg); color: var(--good); } .badge.bad { background: var(--bad-bg); color: var(--bad); } .badge.busy { background: var(--busy-bg); color: var(--busy); }
.quiet, .none { color: var(--quiet); } .quiet { font-size: .9375rem; }
.note { border-left: 4px solid var(--line); padding: .25rem .9rem; background: var(--soft); border-radius: 4px; overflow-wrap: anywhere; }
.note.bad { border-color: var(--bad); background: var(--bad-bg); } .note.busy { border-color: var(--busy); background: var(--busy-bg); }
.note p { margin: .4rem 0; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.25rem; margin: .5rem 0; }
.facts dt { color: var(--quiet); max-width: 16rem; overflow-wrap: anywhere; } .facts dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
.filters a { margin-right: .75rem; } .filters a[aria-current] { font-weight: 700; color: var(--fg); text-decoration: none; }
.cards, .cases { list-style: none; padding: 0; margin: .5rem 0; } .cards li, .card, .cases li { padding: .5rem 0; border-bottom: 1px solid var(--line); }
.rpms { columns: 20rem; font-size: .875rem; padding-left: 1.25rem; }
details { border: 1px solid var(--line); border-radius: 6px; padding: .35rem .75rem; margin: .5rem 0; } summary { cursor: pointer; overflow-wrap: anywhere; }
blockquote { margin: .5rem 0; padding-left: 1rem; border-left: 3px solid var(--line); color: var(--quiet); }
.diff .add { color: var(--good); } .diff .del { color: var(--bad); } .diff .hunk, .diff .head { color: var(--quiet); }
@media (max-width: 44rem) {
  .facts { grid-template-columns: 1fr; gap: 0; } .facts dd { margin-bottom: .5rem; }
  table.stack thead { display: none; } table.stack tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  table.stack td { display: block; border: 0; padding: .05rem 0; }
  table.stack td[data-label]::before { content: attr(data-label) " "; color: var(--quiet); font-size: .875rem; }
}
@media print { header, .skip, .filters { display: none; } body { font-size: 11pt; } pre.log { max-height: none; } }
`;
