"""The checks, one file each: a module with a ``CHECK``."""
