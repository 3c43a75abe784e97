"""A proxy between a store and Azurite that loses answers on purpose, as a network does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from storage_proxy import Passing, proxied


@dataclass
class Mishap:
    """What befalls the next request of a method: something happens before it, or its answer is lost after it."""

    method: str
    before: Callable[[], object] = lambda: None
    answer: str = "comes"  # or "breaks off", or "says 503"


@dataclass
class LossyProxy:
    """Where the proxy listens, what shall happen next, and the methods of the requests that came."""

    connection: str = ""
    mishaps: list[Mishap] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def expect(self, mishap: Mishap) -> None:
        """Let ``mishap`` befall the next request of its method, and forget what came before."""
        self.mishaps.append(mishap)
        self.seen.clear()

    def take(self, method: str) -> Mishap:
        self.seen.append(method)
        for mishap in self.mishaps:
            if mishap.method == method:
                self.mishaps.remove(mishap)
                return mishap
        return Mishap(method)


@contextmanager
def lossy_proxy(connection: str) -> Iterator[LossyProxy]:
    """Run a proxy before the tables of ``connection`` and yield it; blobs go past it."""
    proxy = LossyProxy()

    class Lossy(Passing):
        def meet(self, body: bytes) -> None:
            mishap = proxy.take(self.command)
            mishap.before()
            said = self.ask(body)
            if mishap.answer == "breaks off":
                self.break_off()
            else:
                self.answer(503 if mishap.answer == "says 503" else said.status, said.headers, said.content)

    with proxied(connection, "Table", Lossy) as proxy.connection:
        yield proxy
