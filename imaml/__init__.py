"""Few-shot learning as a service: classifiers from a handful of examples, by implicit MAML."""
