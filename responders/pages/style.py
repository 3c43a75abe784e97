"""The pages' one style sheet, and the policy that lets a browser use it and nothing else.

Colours keep a contrast of 4.5 : 1 for text, 3 : 1 for what is focused or bounded (WCAG 2.2, AA) in both schemes.
"""

from __future__ import annotations

import base64
from hashlib import sha256

__all__ = ["HEADERS", "STYLE"]

STYLE = """
:root {
  color-scheme: light dark;
  --ground: #ffffff; --soft: #f4f6f8; --line: #7a848e; --faint: #d5dbe1; --ink: #1a2027; --quiet: #525d68;
  --link: #0b57a4; --good: #1a6f34; --bad: #b3261e; --focus: #0b57a4; --on: #ffffff;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #12171d; --soft: #1c232b; --line: #75808b; --faint: #333d47; --ink: #e7ecf1; --quiet: #a5b0bb;
    --link: #8abdf5; --good: #7ad396; --bad: #ff9c94; --focus: #8abdf5; --on: #12171d;
  }
}
*, ::before { box-sizing: border-box; }
html { scroll-padding-top: 1rem; -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 1rem/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; overflow-wrap: anywhere;
}
header, main, footer { max-width: 56rem; margin: 0 auto; padding: 0 1.25rem; }
header {
  display: flex; flex-wrap: wrap; gap: .25rem 1rem; justify-content: space-between;
  padding-top: 1rem; padding-bottom: 1rem; color: var(--quiet); font-size: .9rem;
}
header strong { color: var(--ink); }
footer { padding-top: 1rem; padding-bottom: 2.5rem; color: var(--quiet); font-size: .9rem; }
main:focus { outline: none; }
h1 { font-size: 1.55rem; line-height: 1.3; margin: .5rem 0 .75rem; text-wrap: pretty; }
h2 { font-size: 1.15rem; line-height: 1.3; margin: 0 0 .75rem; }
h3 { font-size: 1rem; margin: 0 0 .4rem; }
p, ul, ol, dl, figure, pre { margin: 0 0 .75rem; }
section { border-top: 1px solid var(--faint); padding: 1.25rem 0 .5rem; }
section section { border: 0; padding: 0; }
a { color: var(--link); text-underline-offset: .15em; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 3px; border-radius: 3px; }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; top: .5rem; background: var(--ground); padding: .5rem .75rem; z-index: 1; }
.marks { display: flex; flex-wrap: wrap; gap: .5rem; list-style: none; padding: 0; }
.marks li { border: 1px solid var(--line); border-radius: 1rem; padding: .1rem .75rem; font-size: .9rem; }
.next { background: var(--soft); border: 0; border-left: .3rem solid var(--link); border-radius: .25rem; }
.next { padding: 1rem 1.25rem .4rem; margin-bottom: 1.5rem; }
.said { border: 1px solid var(--line); border-left-width: .3rem; border-radius: .25rem; }
.said { padding: .75rem 1rem; margin-bottom: 1rem; }
.said.good { border-color: var(--good); }
.said.bad { border-color: var(--bad); }
.said p { margin: 0; }
pre {
  background: var(--soft); border: 1px solid var(--faint); border-radius: .25rem; padding: .75rem;
  font: .85rem/1.5 ui-monospace, SFMono-Regular, Consolas, "Liberation Mono", monospace; white-space: pre-wrap;
}
figure { margin-left: 0; margin-right: 0; }
figcaption { color: var(--quiet); font-size: .9rem; margin-bottom: .25rem; }
dl { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: .3rem 1.25rem; }
dt { color: var(--quiet); max-width: 14rem; }
dd { margin: 0; }
ul { padding-left: 1.2rem; }
.chain { list-style: none; padding: 0 0 0 .45rem; }
.chain li { border-left: 2px solid var(--line); padding: 0 0 .7rem 1.1rem; position: relative; }
.chain li::before {
  content: ""; position: absolute; left: calc(-.375rem - 1px); top: .4rem; width: .75rem; height: .75rem;
  background: var(--ground); border: 2px solid var(--line); border-radius: 50%;
}
.chain li:last-child { border-color: transparent; padding-bottom: 0; }
.change { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; margin-bottom: 1rem; }
.change section { border: 1px solid var(--faint); border-radius: .25rem; padding: .75rem 1rem .25rem; }
.change section + section { border-color: var(--good); }
details { margin-bottom: 1rem; }
summary { cursor: pointer; color: var(--link); padding: .25rem 0; margin-bottom: .5rem; }
.folded { padding-bottom: .25rem; }
.folded details { margin-bottom: .25rem; }
.folded summary h2 { display: inline; }
.folded summary { margin-bottom: .25rem; }
.folded details[open] summary { margin-bottom: .75rem; }
.forms { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(17rem, 100%), 1fr)); gap: 1rem; }
form {
  border: 1px solid var(--line); border-radius: .25rem; padding: 1rem; margin-bottom: .75rem;
  display: flex; flex-direction: column; gap: .9rem;
}
form h3 { margin: 0; }
.reason { display: grid; gap: .3rem; }
.reason input {
  font: inherit; min-height: 2.75rem; width: 100%; padding: .4rem .6rem; border: 1px solid var(--line);
  border-radius: .3rem; background: var(--ground); color: var(--ink);
}
.confirm { display: flex; gap: .6rem; align-items: flex-start; flex-grow: 1; }
.confirm input { width: 1.4rem; height: 1.4rem; margin: .05rem 0 0; flex: none; accent-color: var(--link); }
button {
  font: inherit; font-weight: 600; min-height: 2.75rem; padding: .4rem 1.25rem; border-radius: .3rem; cursor: pointer;
  border: 2px solid currentColor; background: var(--ground); color: var(--bad); align-self: flex-start;
}
button.good { background: var(--good); border-color: var(--good); color: var(--on); }
.history { list-style: none; padding: 0; }
.history li { padding: .5rem 0; border-top: 1px solid var(--faint); }
.history li:first-child { border: 0; padding-top: 0; }
.history p { margin: 0; }
.history .why, .quiet { color: var(--quiet); }
time { font-variant-numeric: tabular-nums; }
@media (max-width: 36rem) {
  h1 { font-size: 1.3rem; }
  .change, dl { grid-template-columns: 1fr; }
  dl { gap: 0; }
  dd { margin-bottom: .5rem; }
  button { align-self: stretch; }
}
@media print { .skip, .deciding, .to-decide { display: none; } }
"""

_DIGEST = base64.b64encode(sha256(STYLE.encode()).digest()).decode()

_POLICY = (
    "default-src 'none'",
    f"style-src 'sha256-{_DIGEST}'",
    "img-src data:",  # an empty icon: without one a browser asks for /favicon.ico, which the policy forbids, loudly
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
)

HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "; ".join(_POLICY),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""What every page is answered with."""
