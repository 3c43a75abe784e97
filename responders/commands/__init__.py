"""The commands of ``python -m responders``, one file each."""
