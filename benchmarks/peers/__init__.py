"""The other sides of the comparison; they run in an environment without imaml and import nothing of it."""
