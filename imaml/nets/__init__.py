"""Functional networks: the parameters are one flat vector, an input like any other."""
