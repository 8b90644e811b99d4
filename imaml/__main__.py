"""`python -m imaml` is the `imaml` command."""

from imaml.cli import main

main()
