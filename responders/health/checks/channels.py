"""The channels: reached, and the credential taken where the service can be asked without a word to anybody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from shlex import quote
from urllib.parse import urlsplit

from responders.channels import Channel, Destination, Options
from responders.declarations import Secret
from responders.health import Check, Result, State
from responders.health.asking import ask
from responders.health.deployment import Deployment
from responders.sending import call

__all__ = ["CHECK"]


def _look(at: Deployment) -> Iterator[Result]:
    places = {one.name: one for one in (*at.settings.destinations, *at.settings.fallbacks)}
    yield from at.each(places.values(), lambda one: _at_place(at, one))


def _at_place(at: Deployment, place: Destination) -> Result:
    channel, options = place.channel, place.options
    what = place.name if place.name == channel.name else f"{place.name} ({channel.title})"
    host = _host(channel, options)
    check = channel.check
    if check is not None:
        return ask(what, host, lambda: check(options, at.now()))
    if not host:
        why = f"nothing can be asked there without sending: {_send_test(place.name)} tells"
        return Result(what=what, state=State.NOTE, details=(why,))
    return ask(what, host, lambda: _reached(host, place.name, at.now()))


def _reached(host: str, name: str, now: datetime) -> str:
    """Ask the service's host for nothing: whatever it answers, its name, the connection and TLS are right."""
    call("HEAD", Secret(f"https://{host}/"), now=now, accepted=lambda _status, _body: True)
    return f"reachable; whether it posts only {_send_test(name)} tells"


def _send_test(name: str) -> str:
    return f"`python -m responders send-test {quote(name)}`"


def _host(channel: Channel, options: Options) -> str:
    """Return the host of the destination's address, without anything of the address that is secret."""
    given = [options.secret(one.name).reveal() if one.secret else options.text(one.name) for one in channel.fields]
    address = next((text for text in given if text.lower().startswith("https://")), "")
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


CHECK = Check(name="channels", title="Channels", place=70, look=_look)
