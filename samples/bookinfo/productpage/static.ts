/** Files below /static, kept as text: the page needs nothing from anywhere else. */

const CSS = `:root {
  color-scheme: light dark;
  --paper: #faf7f2; --ink: #23201b; --soft: #6f675c; --line: #e5ddd0; --card: #ffffff;
  --accent: #8a2b3c; --on-accent: #fff8f2; --cover: #7a2233; --cover-2: #4d1320; --gold: #e8c77a; --red: #c62f3b;
  --bad: #fbeeea; --bad-line: #e0b4a8; --bad-ink: #8a2f1c;
  --serif: "Iowan Old Style", "Palatino Linotype", Palatino, "Book Antiqua", Georgia, serif;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #191714; --ink: #ece6dc; --soft: #a79d8f; --line: #37322b; --card: #221f1b;
    --accent: #e3a0a9; --on-accent: #2a0f15; --red: #ff6b73;
    --bad: #2d1d18; --bad-line: #6a3a2d; --bad-ink: #f0b5a5;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.6 var(--sans); }
.wide { width: min(64rem, 100% - 2.5rem); margin-inline: auto; }
.bar { border-bottom: 1px solid var(--line); background: var(--card); }
.bar .wide { display: flex; align-items: center; justify-content: space-between; min-height: 4rem; }
.brand { display: flex; align-items: center; gap: .6rem; color: inherit; font: 600 1.1rem var(--serif); text-decoration: none; }
nav { display: flex; align-items: center; gap: 1rem; }
.user { color: var(--soft); }
.button { display: inline-block; padding: .45rem 1.1rem; border: 1px solid var(--accent); border-radius: 999px;
  background: var(--accent); color: var(--on-accent); font: 500 .9rem/1.5 var(--sans); text-decoration: none; cursor: pointer; }
.button:hover { filter: brightness(1.1); }
.button.quiet { background: transparent; color: var(--accent); }
:focus-visible { outline: 3px solid var(--gold); outline-offset: 2px; }
h1, h2, h3 { font-family: var(--serif); line-height: 1.15; text-wrap: balance; }
h1 { margin: .2rem 0 1rem; font-size: clamp(2.2rem, 5vw, 3.4rem); font-weight: 600; letter-spacing: -.01em; }
h2 { margin: 0 0 1rem; font-size: 1.35rem; font-weight: 600; }
a { color: var(--accent); }
code { font: .88em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.overline { margin: 0; color: var(--soft); font-size: .8rem; letter-spacing: .12em; text-transform: uppercase; }
.book { display: grid; grid-template-columns: 17rem 1fr; gap: clamp(2rem, 6vw, 4.5rem); align-items: center; padding-block: clamp(2rem, 6vw, 4.5rem); }
.cover { display: flex; flex-direction: column; justify-content: space-between; align-items: center; aspect-ratio: 2/3; padding: 2rem 1.25rem;
  border-radius: 4px 10px 10px 4px; color: var(--gold); text-align: center;
  background: linear-gradient(90deg, rgb(0 0 0 / .35) 0, rgb(255 255 255 / .14) 3%, rgb(0 0 0 / .12) 5.5%, transparent 8%),
    radial-gradient(circle at 60% 30%, var(--cover), var(--cover-2));
  box-shadow: 0 1px 2px rgb(0 0 0 / .25), 0 18px 40px -12px rgb(60 10 20 / .55), inset 0 0 0 1px rgb(232 199 122 / .25); }
.cover-author { font: italic 1rem var(--serif); }
.cover-title { font: 600 2.1rem/1.12 var(--serif); }
.summary { max-width: 58ch; margin: 0 0 2rem; font-size: 1.05rem; }
.details { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
.details th, .details td { padding: .6rem .9rem .6rem 0; border-bottom: 1px solid var(--line); text-align: left; }
.details thead th { color: var(--soft); font-size: .78rem; font-weight: 500; letter-spacing: .04em; }
.reviews { padding-block: 0 3rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); gap: 1.25rem; }
.card { display: flex; flex-direction: column; margin: 0; padding: 1.6rem; border: 1px solid var(--line); border-radius: 14px; background: var(--card); }
.card blockquote { flex: 1; margin: 0 0 1.2rem; font: 1.15rem/1.5 var(--serif); }
.card figcaption { display: flex; align-items: center; gap: .7rem; color: var(--soft); font-size: .92rem; }
.face { display: grid; place-items: center; width: 2rem; height: 2rem; border-radius: 50%; background: var(--accent); color: var(--on-accent); font-weight: 600; }
.stars { display: flex; gap: .15rem; margin-bottom: .8rem; color: var(--ink); }
.stars.red { color: var(--red); }
.stars svg { width: 1.3rem; height: 1.3rem; fill: currentColor; stroke: currentColor; stroke-width: 1.2; stroke-linejoin: round; }
.stars .glyphicon-star-empty { fill: none; opacity: .45; }
.no-rating { margin: 0 0 .8rem; color: var(--bad-ink); font-size: .92rem; }
.served { margin: 1.2rem 0 0; color: var(--soft); font-size: .92rem; }
.failure { padding: 1.2rem 1.4rem; border: 1px solid var(--bad-line); border-radius: 14px; background: var(--bad); color: var(--bad-ink); }
.failure h3 { margin: 0 0 .3rem; font-size: 1.1rem; }
.failure p { margin: 0; }
.index { padding-block: 3.5rem; }
.links { display: flex; gap: .8rem; margin-top: 2rem; }
footer { padding-block: 1.5rem 2.5rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .88rem; }
dialog { width: min(24rem, 100% - 2rem); padding: 0; border: 1px solid var(--line); border-radius: 16px; background: var(--card); color: inherit; }
dialog::backdrop { background: rgb(20 10 5 / .5); }
dialog form { display: grid; gap: 1rem; padding: 1.6rem; }
dialog h2, .hint { margin: 0; }
.hint { color: var(--soft); font-size: .9rem; }
label { display: grid; gap: .3rem; font-size: .9rem; }
input { padding: .55rem .8rem; border: 1px solid var(--line); border-radius: 8px; background: var(--paper); color: inherit; font: inherit; }
.actions { display: flex; justify-content: flex-end; gap: .6rem; }
@media (max-width: 46rem) {
  .book { grid-template-columns: 1fr; }
  .cover { width: 13rem; justify-self: center; }
  .cover-title { font-size: 1.6rem; }
  .about { min-width: 0; }
  section { overflow-x: auto; }
}
`

const MARK = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#8a2b3c"/><path d="M16 10c-2.4-1.9-5.4-2.4-8.5-2v14.5c3.1-.4 6.1 0.1 8.5 2 2.4-1.9 5.4-2.4 8.5-2V8c-3.1-.4-6.1 0.1-8.5 2z" fill="none" stroke="#f3dba4" stroke-width="2" stroke-linejoin="round"/><path d="M16 10v14.5" stroke="#f3dba4" stroke-width="2"/></svg>`

/** Two masks that are the same but for the smile. */
const TWINS = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 96" fill="none" stroke="#e8c77a" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"><g transform="rotate(-8 40 44)"><path d="M12 18c18 7 38 7 56 0v26c0 20-12 34-28 38-16-4-28-18-28-38z"/><path d="M22 40c4-4 10-4 13 0M45 40c4-4 10-4 13 0M27 58c7 8 19 8 26 0"/></g><g transform="rotate(10 82 50)"><path d="M74 22.5c12 1.5 24 0 36-4.5v26c0 20-12 34-28 38-8-2-15-6.5-20-13"/><path d="M87 42c4-4 10-4 13 0M72 66c6-6 16-6 23 0"/></g></svg>`

export const STATIC: Record<string, { type: string; body: string }> = {
  'bookinfo.css': { type: 'text/css; charset=utf-8', body: CSS },
  'img/mark.svg': { type: 'image/svg+xml', body: MARK },
  'img/twins.svg': { type: 'image/svg+xml', body: TWINS },
}
