"""The page at `/`: rows, outbox and requests, live; and the page behind an unsubscribe link. Words and layout only.

Everything that came from outside is escaped where it is put in (`_cell`, `_word`, `_number`), and the policy header
forbids every script but the one of this page.
"""

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from reconciler.sandbox.delivery import host_of
from reconciler.sandbox.gateway import Answer, Call, Environ
from reconciler.sandbox.loopback import is_local
from reconciler.sandbox.records import without_keys

if TYPE_CHECKING:
    from reconciler.sandbox.records import Message, Request
    from reconciler.sandbox.sandbox import Sandbox

# The newest of each; the whole truth is under /_sandbox/.
SHOWN = 100

_STYLE = """
:root { --ink:#1d1f27; --soft:#6b6f7b; --line:#e4e5e0; --back:#f3f4ef; --card:#fff; --accent:#f54e00; --good:#2f8f5b;
  --bad:#c73a3a; --chip:#f0f1ec; color-scheme:light dark; }
@media (prefers-color-scheme: dark) { :root { --ink:#e9eaee; --soft:#9ea2ad; --line:#33353d; --back:#17181c;
  --card:#1f2126; --accent:#ff7a3d; --good:#62c893; --bad:#ff8080; --chip:#2b2d34; } }
* { box-sizing:border-box }
body { margin:0; background:var(--back); color:var(--ink); font:14px/1.45 system-ui,"Segoe UI",sans-serif }
header { display:flex; flex-wrap:wrap; align-items:center; gap:.5rem .75rem; padding:1rem 1.5rem;
  border-bottom:3px solid var(--accent); background:var(--card) }
h1 { font-size:1.15rem; margin:0 .5rem 0 0 } h2 { font-size:1rem; margin:0 }
main { padding:1.25rem 1.5rem; display:grid; gap:1.25rem; max-width:1500px; margin:0 auto }
section { background:var(--card); border:1px solid var(--line); border-radius:10px; overflow:hidden; min-width:0 }
.head { display:flex; align-items:baseline; gap:.6rem; padding:.75rem 1rem; border-bottom:1px solid var(--line) }
.scroll { overflow:auto; max-height:26rem }
.pair { display:grid; gap:1.25rem; grid-template-columns:1fr 1fr }
.pair td,.pair th { padding-left:.6rem; padding-right:.6rem }
@media (max-width:1000px) { .pair { grid-template-columns:1fr } }
table { border-collapse:collapse; width:100% }
th { position:sticky; top:0; background:var(--card); text-align:left; font-weight:600; font-size:.75rem;
  color:var(--soft); text-transform:uppercase; letter-spacing:.04em }
th,td { padding:.42rem 1rem; border-bottom:1px solid var(--line); vertical-align:top }
tr:last-child td { border-bottom:0 }
td.long { min-width:9rem; overflow-wrap:anywhere }
td.n { color:var(--soft); font-variant-numeric:tabular-nums } td.n,td.short { white-space:nowrap }
tr.off td { opacity:.55 }
.chip { background:var(--chip); border-radius:99px; padding:.1rem .6rem; font-size:.8rem; white-space:nowrap }
.good { color:var(--good) } .bad { color:var(--bad) } .soft { color:var(--soft) }
.none { padding:1.25rem 1rem; color:var(--soft); margin:0 }
"""

_SCRIPT = """
setInterval(async () => {
  if (document.hidden) return;
  try {
    const page = new DOMParser().parseFromString(await (await fetch('/')).text(), 'text/html');
    for (const id of ['facts', 'rows', 'outbox', 'requests']) {
      const now = document.getElementById(id), next = page.getElementById(id);
      if (next && now.innerHTML !== next.innerHTML) now.innerHTML = next.innerHTML;
    }
  } catch { document.getElementById('facts').textContent = 'The sandbox has stopped.'; }
}, 2000);
"""


class Page:
    """What a browser sees."""

    def __init__(self, sandbox: "Sandbox") -> None:
        """Show *sandbox*."""
        self._sandbox = sandbox

    def overview(self, environ: Environ, call: Call) -> Answer:
        """Rows, outbox and requests; for this machine only, because they hold addresses."""
        if not is_local(environ):
            return Answer.of_html(_document("Not here", "<p>This page is for the machine it runs on.</p>", ""), 403)
        nonce = secrets.token_urlsafe(16)
        page = _document("PostHog sandbox", self._body(), nonce)
        return Answer.of_html(page).plus((("Content-Security-Policy", _policy(nonce)), ("Cache-Control", "no-store")))

    def unsubscribe(self, environ: Environ, call: Call) -> Answer:
        """What the link in a mail leads to."""
        token = parse_qs(call.query).get("token", [""])[0]
        if call.method == "GET" and self._sandbox.follow(token):
            return Answer.of_html(_document("Unsubscribed", "<p>You will not get this report any more.</p>", ""))
        return Answer.of_html(_document("Not a link", "<p>This link is not valid (any more).</p>", ""), 400)

    def _body(self) -> str:
        sandbox = self._sandbox
        messages, requests = sandbox.outbox(), sandbox.requests()
        rows, count = sandbox.newest_rows(SHOWN)
        return (
            f'<header><h1>PostHog sandbox</h1><span id="facts">{self._facts()}</span></header><main>'
            + _section("rows", "Subscriptions", count, _rows(rows))
            + '<div class="pair">'
            + _section("outbox", "Outbox", len(messages), _messages(messages[: -SHOWN - 1 : -1]))
            + _section("requests", "Requests", len(requests), _requests(requests[: -SHOWN - 1 : -1]))
            + "</div></main>"
        )

    def _facts(self) -> str:
        sandbox = self._sandbox
        facts = [
            f"profile {sandbox.rules.profile}",
            f"project {sandbox.project_id}",
            f"{sandbox.now:%Y-%m-%d %H:%M} UTC",
        ]
        if sandbox.rules.hazards:
            facts.append("hazards on")
        if sandbox.faults.all():
            facts.append(f"faults set: {len(sandbox.faults.all())}")
        return " ".join(f'<span class="chip">{escape(fact)}</span>' for fact in facts)


def _rows(rows: Iterable[dict[str, Any]]) -> str:
    lines = [
        (
            "off" if row["deleted"] or row.get("enabled") is False else "",
            (
                _number(row["id"]),
                _cell(row["title"] or "-"),
                _word(_content(row)),
                _word(row["target_type"]),
                _cell(_recipients(row)),
                _cell(row["summary"]),
                _number(row["next_delivery_date"] or "never"),
                _word("deleted" if row["deleted"] else "off" if row.get("enabled") is False else "live"),
            ),
        )
        for row in rows
    ]
    return _table(("Id", "Title", "What", "By", "To", "When", "Next delivery", "State"), lines)


def _content(row: dict[str, Any]) -> str:
    named = [f"{kind} {row[kind]}" for kind in ("dashboard", "insight") if row[kind] is not None]
    if row.get("prompt") is not None:
        named.append("prompt")
    return ", ".join(named) or "nothing"


def _recipients(row: dict[str, Any]) -> str:
    text: str = row["target_value"]
    # The rest of a Teams URL lets whoever reads it post to the channel.
    return host_of(text) if row["target_type"] == "teams" else text.replace(",", ", ")


def _messages(messages: "Iterable[Message]") -> str:
    lines = [
        (
            "",
            (
                _number(_time(message.at)),
                _cell(message.recipient),
                _word(message.channel),
                _word(message.why),
                _number(f"#{message.write}" if message.write else "-"),
                _cell(message.title or f"subscription {message.subscription_id}"),
            ),
        )
        for message in messages
    ]
    return _table(("At", "To", "By", "Why", "Request", "Subscription"), lines)


def _requests(requests: "Iterable[Request]") -> str:
    lines = [
        (
            "",
            (
                _number(f"#{request.number}"),
                _word(request.method),
                _cell(f"{request.path}?{request.query}" if request.query else request.path),
                _status(request.status),
                _number(_time(request.at)),
            ),
        )
        for request in requests
    ]
    return _table(("#", "Method", "Path", "Status", "At"), lines)


def _status(status: int | None) -> str:
    good = status is not None and status < 400
    return f'<td class="short {"good" if good else "bad"}">{status or "no answer"}</td>'


def _cell(value: Any) -> str:
    return f'<td class="long">{escape(str(without_keys(value)))}</td>'


def _word(value: Any) -> str:
    return f'<td class="short">{escape(str(value))}</td>'


def _number(value: Any) -> str:
    return f'<td class="n">{escape(str(value))}</td>'


def _time(moment: datetime) -> str:
    return f"{moment:%H:%M:%S}"


def _section(name: str, title: str, count: int, table: str) -> str:
    more = f", the newest {SHOWN} shown" if count > SHOWN else ""
    head = f'<div class="head"><h2>{title}</h2><span class="soft">{count}{more}</span></div>'
    return f'<section id="{name}">{head}{table}</section>'


def _table(heads: Sequence[str], lines: Sequence[tuple[str, Sequence[str]]]) -> str:
    if not lines:
        return '<p class="none">Nothing yet.</p>'
    head = "".join(f"<th>{name}</th>" for name in heads)
    body = "".join(f'<tr class="{kind}">{"".join(cells)}</tr>' for kind, cells in lines)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _document(title: str, body: str, nonce: str) -> str:
    script = f'<script nonce="{nonce}">{_SCRIPT}</script>' if nonce else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        f'<style nonce="{nonce}">{_STYLE}</style></head><body>{body}{script}</body></html>'
    )


def _policy(nonce: str) -> str:
    return (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
