"""The stores behind :class:`responders.store.Store`, one file each."""
