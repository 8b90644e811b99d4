"""Benchmarks: each row measures both sides in one run, in turn, and prints their ratio with its spread."""
