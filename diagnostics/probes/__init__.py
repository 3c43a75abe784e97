"""One file a kind of fact, each with its ``PROBE``; the folder is discovered."""
