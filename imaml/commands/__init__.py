"""The subcommands of `imaml`, one file each; those that need torch import it when they run."""
