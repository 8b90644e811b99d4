"""The log: one line for each event on stderr; for people on a terminal, JSON elsewhere."""

import sys

import structlog
from structlog.typing import FilteringBoundLogger


def configure() -> None:
    """Set the log up for this process."""
    terminal = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if terminal else [structlog.processors.format_exc_info]),
            structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer(),
        ],
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )


def get_logger() -> FilteringBoundLogger:
    """Return the log."""
    return structlog.get_logger()
