"""Models: the list of them, and one with its names and its lineage."""
