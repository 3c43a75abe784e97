"""The one repair that is made: a missing pull role, planned from Azure's own answers, approved, applied, verified,
undone. Off unless settings and rights both say otherwise (``docs/fixes.md``).
"""
