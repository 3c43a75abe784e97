"""A storage queue for messages that show up later; output bindings have no delay.

The host expects base64 text (``messageEncoding`` of host.json). A message stays invisible for at most seven days
(Microsoft Learn, "Put Message"); whoever asks for longer is woken then, looks, and asks again.
"""

from __future__ import annotations

from datetime import timedelta

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import TextBase64EncodePolicy

from responders.settings import AzureStore
from responders.store import StoreUnavailable
from responders.stores.azure_clients import open_queues

__all__ = ["AzureDelayedQueue"]

_LONGEST = timedelta(days=7) - timedelta(minutes=1)
_FOREVER = -1


class AzureDelayedQueue:
    """A :class:`responders.wakeups.DelayedQueue`. Needs Storage Queue Data Contributor on the account."""

    def __init__(self, choice: AzureStore, name: str) -> None:
        # The client of all queues hands no encoding on to those of single queues.
        self._client = open_queues(choice).get_queue_client(name, message_encode_policy=TextBase64EncodePolicy())

    def put(self, text: str, *, delay: timedelta) -> None:
        """See :class:`responders.wakeups.DelayedQueue`; the queue is made where it is missing."""
        try:
            self._put(text, delay)
        except ResourceNotFoundError:
            self._create()
            self._put(text, delay)

    def _put(self, text: str, delay: timedelta) -> None:
        seconds = int(min(max(delay, timedelta()), _LONGEST).total_seconds())
        try:
            self._client.send_message(text, visibility_timeout=seconds, time_to_live=_FOREVER)
        except ResourceNotFoundError:
            raise
        except AzureError as error:
            said = StoreUnavailable(f"the storage queue did not take a message ({type(error).__name__})")
        else:
            return
        raise said

    def _create(self) -> None:
        try:
            self._client.create_queue()
        except ResourceExistsError:
            return
