"""The outer loop: training, evaluation, and what a run leaves behind."""
