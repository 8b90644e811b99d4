"""Settings of the service: those of every command, and its limits."""

import os
import sys
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_settings import NoDecode

import imaml.settings
from imaml.runtime.devices import Device


def _parted(value: object) -> object:
    """Part a text by commas."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class Settings(imaml.settings.Settings):
    """Settings in force, read from `IMAML_*` environment variables."""

    max_body_bytes: int = Field(default=32 * 2**20, ge=1, description="Largest request body, in bytes.")
    max_body_seconds: float = Field(
        default=120.0, gt=0, description="Longest time in which a request may come, in seconds."
    )
    max_pixels: int = Field(
        default=25_000_000, ge=1, description="Most pixels of an image, width times height."
    )
    max_request_pixels: int = Field(
        default=200_000_000, ge=1, description="Most pixels of all images of a request together."
    )
    max_jobs: int = Field(default=100, ge=1, description="Most jobs of a tenant that wait or run.")
    max_examples: int = Field(default=1000, ge=2, description="Most examples of an adaptation.")
    max_predictions: int = Field(default=256, ge=1, description="Most images of one request for predictions.")
    max_batch: int = Field(default=10_000, ge=1, description="Most images of one zip for predictions.")
    max_classes: int = Field(default=1000, ge=2, description="Most classes of an adaptation.")
    max_adaptations: int = Field(
        default=10_000, ge=1, description="Most adaptations of a tenant; without keys there is no such limit."
    )
    max_requests_per_minute: int = Field(
        default=600, ge=1, description="Most requests with one key in a minute, over all processes."
    )
    max_inner_steps: int = Field(
        default=1000, ge=0, description="Most inner steps that a caller may ask for."
    )
    max_deadline_ms: int = Field(default=60_000, ge=1, description="Longest adaptation, in milliseconds.")
    default_ttl_seconds: int | None = Field(
        default=None,
        ge=1,
        description="How long an adaptation is kept where the caller does not say; default: for good.",
    )
    max_ttl_seconds: int = Field(
        default=365 * 86_400, ge=1, description="Longest time that a caller may ask for."
    )
    leave_one_out_seconds: float = Field(
        default=10.0,
        gt=0,
        description="Longest time for leaving out one example after another, in seconds.",
    )
    cors_origins: Annotated[list[str], NoDecode, BeforeValidator(_parted)] = Field(
        default=[], description="Origins, parted by commas, whose pages may call the service in a browser."
    )
    drain_seconds: float = Field(
        default=0.0,
        ge=0,
        description="How long SIGTERM lets it answer while /readyz says no, for balancers to take notice.",
    )
    stop_seconds: int = Field(
        default=10, ge=0, description="How long requests may take to end after that, in seconds."
    )
    device: Device = Field(
        default="auto", description="Where models run: auto (a GPU that works, else the CPU), cpu or cuda."
    )
    processes: int = Field(
        default_factory=lambda: min(os.cpu_count() or 1, 4) if sys.platform == "linux" else 1,
        ge=1,
        description="Processes that answer; no more than workers, and one where models run on a GPU.",
    )
    workers: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        description="Threads that adapt and predict, over all processes.",
    )
    max_queue: int = Field(
        default=256,
        ge=0,
        description="Most adaptations and predictions that wait for a worker, over all processes.",
    )
    cached_models: int = Field(default=16, ge=1, description="Models kept in memory.")
    cached_adaptation_bytes: int = Field(
        default=256 * 2**20,
        ge=0,
        description="Memory for the parameters of adaptations used last, in bytes, over all processes.",
    )

    @model_validator(mode="after")
    def _check_ttl(self) -> Self:
        if (self.default_ttl_seconds or 0) > self.max_ttl_seconds:
            raise ValueError(
                f"IMAML_DEFAULT_TTL_SECONDS is {self.default_ttl_seconds}, more than the "
                f"{self.max_ttl_seconds} of IMAML_MAX_TTL_SECONDS"
            )
        return self
