"""One HTML page with messages as people see them: Teams by Microsoft's own renderer, Slack as an approximation.

Pure: notices and the renderer's source go in, a page that needs nothing else comes out. Each message stands there wide
and as on a phone, on light and on dark ground. ``python -m sandbox preview`` fills it with played scenarios.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from responders.channels import apprise, slack, slack_bot, teams
from responders.notices import Notice

__all__ = ["PHONE", "WIDE", "Sample", "page", "slack_html"]

WIDE = 720
PHONE = 340
"""Width of a message in CSS pixels: in a channel on a desktop, and on a small phone."""

_PLAIN_ROOM = apprise.Room(title=0, body=2_000)
_MARKUP = re.compile(r"```\n?(.*?)\n?```|<(https://[^<>|\s]+)\|([^<>]+)>|\*([^*\n]+)\*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Sample:
    """A message to look at: a short name for its place on the page, what it shows, and the notice."""

    name: str
    title: str
    notice: Notice


def page(samples: Sequence[Sample], renderer: str) -> str:
    """Return the page. ``renderer`` is the source of Microsoft's adaptivecards.js; where it is empty the page says so
    and shows the card's JSON.
    """
    cards = {sample.name: teams.render(sample.notice)["attachments"][0]["content"] for sample in samples}
    listed = "".join(f'<li><a href="#{_id(sample)}">{html.escape(sample.title)}</a></li>' for sample in samples)
    return _PAGE.format(
        style=_STYLE,
        listed=listed,
        sections="".join(map(_section, samples)),
        renderer=renderer.replace("</script", "<\\/script"),
        cards=_script_json(cards),
        hosts=_script_json({"light": _host(_LIGHT), "dark": _host(_DARK)}),
        script=_SCRIPT,
    )


def slack_html(payload: Mapping[str, Any]) -> str:
    """Return about what Slack makes of ``payload``. A block of another kind than is known here is shown by its name."""
    blocks = payload.get("blocks") or [{"type": "section", "text": {"type": "mrkdwn", "text": payload.get("text", "")}}]
    return "".join(_slack_block(block) for block in blocks)


def _section(sample: Sample) -> str:
    name = html.escape(sample.name)
    notice = sample.notice
    message = slack_html(slack_bot.render(notice) if notice.actions else slack.render(notice))
    views = [
        _figure(channel, theme, width, body.format(name=name, theme=theme, message=message))
        for channel, body in (
            ("Microsoft Teams", '<div class="card" data-card="{name}" data-theme="{theme}"></div>'),
            ("Slack (approximation)", '<div class="slack">{message}</div>'),
        )
        for theme in ("light", "dark")
        for width in ("wide", "phone")
    ]
    words = apprise.render(sample.notice, _PLAIN_ROOM)
    plain = _figure("Apprise, 2,000 characters", "light", "wide", f"<pre>{html.escape(words.body)}</pre>")
    title = html.escape(sample.title)
    return f'<section id="{_id(sample)}"><h2>{title}</h2><div class="views">{"".join(views)}{plain}</div></section>'


def _figure(channel: str, theme: str, width: str, body: str) -> str:
    caption = f"<figcaption>{channel}, {theme}, {width}</figcaption>"
    return f'<figure class="{theme} {width}">{caption}{body}</figure>'


def _id(sample: Sample) -> str:
    return html.escape(re.sub(r"[^a-z0-9-]", "-", sample.name.lower()))


def _script_json(value: object) -> str:
    """Return JSON that can stand in a script element, whatever its texts hold."""
    return json.dumps(value).replace("<", "\\u003c")


def _slack_block(block: Mapping[str, Any]) -> str:
    match block.get("type"):
        case "header":
            return f"<h3>{_slack_text(block['text'])}</h3>"
        case "section":
            fields = "".join(f"<div>{_slack_text(field)}</div>" for field in block.get("fields", ()))
            text = f"<p>{_slack_text(block['text'])}</p>" if "text" in block else ""
            return text + (f'<div class="fields">{fields}</div>' if fields else "")
        case "context":
            return "".join(
                f"<small>{_slack_text(part)}</small>" for part in block.get("elements", ()) if "text" in part
            )
        case "divider":
            return "<hr>"
        case "actions":
            return "<p>" + "".join(map(_slack_button, block.get("elements", ()))) + "</p>"
        case other:
            return f"<p>[a block of type {html.escape(str(other))}]</p>"


def _slack_button(element: Mapping[str, Any]) -> str:
    label = element.get("text") or element.get("placeholder") or {"text": str(element.get("type"))}
    style = str(element.get("style", "")) if element.get("style") in ("primary", "danger") else ""
    return f'<span class="button {style}">{_slack_text(label)}</span>'


def _slack_text(text: Mapping[str, Any]) -> str:
    """Return a text object's HTML: entities as they are, since Slack spells them the same."""
    said = str(text.get("text", ""))
    if text.get("type") != "mrkdwn":
        return _literal(said)
    return "".join(_marked(said))


def _marked(said: str) -> Iterator[str]:
    """Yield the parts of mrkdwn: code as it stands, links and bold outside of it."""
    place = 0
    for found in _MARKUP.finditer(said):
        yield _literal(said[place : found.start()])
        place = found.end()
        code, url, label, bold = found.groups()
        if code is not None:
            yield f"<pre>{_literal(code)}</pre>"
        elif url is not None:
            yield f'<a href="{url.replace(chr(34), "%22")}">{_literal(label)}</a>'
        else:
            yield f"<b>{_literal(bold)}</b>"
    yield _literal(said[place:])


def _literal(text: str) -> str:
    """Return text that holds entities as HTML; a raw angle bracket stays visible as one."""
    return text.replace("<", "&lt;").replace(">", "&gt;").replace("\n", "<br>")


_LIGHT = {
    "background": "#ffffff",
    "emphasis": "#f5f5f5",
    "default": ("#242424", "#616161"),
    "accent": ("#5b5fc7", "#5b5fc7"),
    "good": ("#237b4b", "#237b4b"),
    "warning": ("#835c00", "#835c00"),
    "attention": ("#c4314b", "#c4314b"),
}
_DARK = {
    "background": "#292929",
    "emphasis": "#1f1f1f",
    "default": ("#ffffff", "#adadad"),
    "accent": ("#9299f7", "#9299f7"),
    "good": ("#92c353", "#92c353"),
    "warning": ("#f8d22a", "#f8d22a"),
    "attention": ("#f9526b", "#f9526b"),
}


def _host(colours: Mapping[str, Any]) -> dict[str, Any]:
    """Return a host configuration with sizes and colours as Teams has them (its design guide for Adaptive Cards)."""
    names = ("default", "accent", "good", "warning", "attention")
    foreground = {name: {"default": colours[name][0], "subtle": colours[name][1]} for name in names}
    return {
        "supportsInteractivity": True,
        "fontTypes": {
            "default": {
                "fontFamily": "'Segoe UI', system-ui, sans-serif",
                "fontSizes": {"small": 12, "default": 14, "medium": 14, "large": 18, "extraLarge": 24},
                "fontWeights": {"lighter": 200, "default": 400, "bolder": 600},
            },
            "monospace": {
                "fontFamily": "Consolas, 'DejaVu Sans Mono', monospace",
                "fontSizes": {"small": 12, "default": 13, "medium": 14, "large": 18, "extraLarge": 24},
                "fontWeights": {"lighter": 200, "default": 400, "bolder": 600},
            },
        },
        "containerStyles": {
            "default": {"backgroundColor": colours["background"], "foregroundColors": foreground},
            "emphasis": {"backgroundColor": colours["emphasis"], "foregroundColors": foreground},
        },
        "spacing": {"small": 4, "default": 8, "medium": 12, "large": 20, "extraLarge": 30, "padding": 16},
        "actions": {"maxActions": 6, "actionsOrientation": "horizontal", "actionAlignment": "left", "buttonSpacing": 8},
        "factSet": {
            "title": {"weight": "bolder", "wrap": True, "maxWidth": 150},
            "value": {"wrap": True},
            "spacing": 12,
        },
    }


_STYLE = """
body { font-family: 'Segoe UI', system-ui, sans-serif; margin: 24px; background: #e8e8ec; color: #242424; }
section { margin: 0 0 48px; }
.views { display: flex; flex-wrap: wrap; gap: 16px; align-items: flex-start; }
figure { margin: 0; padding: 12px; border-radius: 8px; box-sizing: border-box; }
figure.wide { width: 720px; } figure.phone { width: 340px; }
figure.light { background: #fff; color: #242424; } figure.dark { background: #292929; color: #fff; }
figcaption { font-size: 11px; opacity: .65; margin-bottom: 8px; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 12px; margin: 4px 0; }
.ac-pushButton { border: 1px solid #8888; border-radius: 4px; background: transparent; color: inherit; font: inherit;
  font-weight: 600; padding: 5px 12px; cursor: pointer; }
.slack h3 { font-size: 18px; margin: 0 0 4px; } .slack p { margin: 6px 0; font-size: 15px; overflow-wrap: anywhere; }
.slack small { display: block; opacity: .7; margin: 4px 0; overflow-wrap: anywhere; }
.slack pre { background: #8882; border: 1px solid #8884; border-radius: 4px; padding: 8px; }
.slack .fields { display: grid; grid-template-columns: 1fr 1fr; gap: 4px 12px; font-size: 14px; }
.slack .fields div { overflow-wrap: anywhere; }
.slack .button { border: 1px solid #8888; border-radius: 4px; padding: 4px 12px; margin: 0 8px 6px 0; font-weight: 600;
  display: inline-block; }
.slack .primary { background: #007a5a; color: #fff; } .slack .danger { color: #e01e5a; border-color: #e01e5a; }
.slack a { color: #1264a3; } .dark .slack a { color: #1d9bd1; }
"""

_SCRIPT = """
'use strict';
// Teams obeys Markdown in a text; ours has none but escapes, so that reading these is all that is to be done.
function literally(text, result) {
  result.outputHtml = text.replace(/</g, '&lt;').replace(/\\\\([!-\\/:-@\\[-`{-~])/g, '$1').replace(/</g, '&lt;');
  result.didProcess = true;
}
function show(box) {
  const card = CARDS[box.dataset.card];
  if (!window.AdaptiveCards) {
    box.innerHTML = '<p>The renderer is not here, since npm was not at set-up; this is the JSON.</p><pre></pre>';
    box.querySelector('pre').textContent = JSON.stringify(card, null, 1);
    return;
  }
  const made = new AdaptiveCards.AdaptiveCard();
  made.hostConfig = new AdaptiveCards.HostConfig(HOSTS[box.dataset.theme]);
  const known = new AdaptiveCards.SerializationContext(AdaptiveCards.Version.parse(card.version));
  made.parse(card, known);
  const said = made.validateProperties().validationEvents.map((event) => event.message);
  for (let place = 0; place < known.eventCount; place++) said.push(known.getEventAt(place).message);
  box.dataset.problems = JSON.stringify(said);
  made.onExecuteAction = (action) => { if (action.url) window.open(action.url, '_blank', 'noopener'); };
  box.appendChild(made.render());
}
if (window.AdaptiveCards) AdaptiveCards.AdaptiveCard.onProcessMarkdown = literally;
document.querySelectorAll('.card').forEach(show);
"""

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Pullmedic: messages</title><style>{style}</style></head>
<body>
<h1>Messages as people see them</h1>
<p>Teams: drawn by Microsoft's renderer of Adaptive Cards with a configuration after Teams' own look. Slack: an
approximation, drawn here from the Block Kit payload.</p>
<ul>{listed}</ul>
{sections}
<script>{renderer}</script>
<script>const CARDS = {cards}; const HOSTS = {hosts};</script>
<script>{script}</script>
</body>
</html>
"""
