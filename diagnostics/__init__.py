"""From a failed run to a diagnosis: reads, and never changes anything."""
