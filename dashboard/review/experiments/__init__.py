"""Experiments: the list of them, and one part by part."""
