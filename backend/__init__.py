"""The HTTP service: stored experiments and models, adaptation on demand, predictions."""
