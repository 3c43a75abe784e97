"""From a diagnosis to people and systems: the only part of the product that writes."""
