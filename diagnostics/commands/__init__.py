"""The commands of ``python -m diagnostics``, one file each."""
