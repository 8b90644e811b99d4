"""What can go wrong in training; without torch, so that the command line can name it."""


class TrainingError(Exception):
    """Training or evaluation that cannot go on; the message is a sentence for the user."""
