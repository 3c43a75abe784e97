"""The self-test: a failure that never was goes the whole way of a real one, and every station says whether it held."""

__all__ = ["DRILL_PREFIX"]

DRILL_PREFIX = "pullmedic-drill-"
"""How the ids of drills' runs begin, so that no other run is looked up; it proves nothing."""
