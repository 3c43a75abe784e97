"""Pages that the function app serves: the incident's, where people decide on its fix (``docs/incident-page.md``)."""
