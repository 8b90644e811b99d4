"""Inner solvers over a model's graphs, each the same step for step as the trainer's solver of that name.

They differ in the direction that they take from where they are; `imaml.runtime.adaptation` has the loop that
they share. Each module's `directions` gives the function of one adaptation from a point to the direction.
"""
