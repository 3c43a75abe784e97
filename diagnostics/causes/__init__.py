"""One file a root cause, each with its ``CAUSE``; the folder is discovered."""
