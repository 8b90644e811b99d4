"""Accuracy on Omniglot of every method and baseline, trained alike, beside the published numbers."""
