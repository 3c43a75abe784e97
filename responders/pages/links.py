"""Where an incident's page is found. A link has no power of its own: it only shows."""

from __future__ import annotations

from urllib.parse import quote

__all__ = ["page_link"]


def page_link(page_url: str, incident_id: str) -> str:
    """Return the address of an incident's page, empty where no app serves any (``PULLMEDIC_PAGE_URL``)."""
    return f"{page_url}/api/incidents/{quote(incident_id, safe='')}" if page_url else ""
