"""One file a symptom, each with its ``SYMPTOM``: what texts say so. The folder is discovered."""
