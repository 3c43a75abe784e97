"""``make bench``: figures as ratios within one run, each beside its aim. Nothing here is a test."""
