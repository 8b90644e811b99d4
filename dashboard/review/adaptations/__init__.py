"""Adaptations: the list of them, and what is done to those that are chosen."""
