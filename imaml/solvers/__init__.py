"""Solvers: small frozen objects whose fields are hyperparameters; a solve returns a solution with a status.

Every solver works on vectors along the last dimension and treats the dimensions before it as independent
problems, so that one call solves one task or a whole meta-batch.
"""
