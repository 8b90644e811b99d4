"""Comparing stored experiments: curves, settings, seeds, paired differences, hyperparameters."""
