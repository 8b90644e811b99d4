"""What a client does for one call, without input and output: both clients take these same steps."""

import ipaddress
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import httpx
from pydantic import ValidationError

from imaml.client import calls
from imaml.client.answers import Adaptation, Page
from imaml.client.calls import Call
from imaml.client.errors import ApiError, ApiUnreachable, ClientError, InvalidArgument
from imaml.client.retrying import CUT_OFF, Outcome, pause
from imaml.client.sending import header
from imaml.settings import Settings

Result = TypeVar("Result")
Item = TypeVar("Item")

_FIRST_LOOK, _LAST_LOOK = 0.1, 2.0  # seconds between two looks at a job, at first and in the end


class Attempt(NamedTuple):
    """A request to make, `after` seconds."""

    call: Call[Any]
    after: float


Steps = Generator[Attempt, Outcome, Result]
"""Attempts to make; each is answered with what became of it, and they end in the result."""


class Exchange:
    """Calls to one service."""

    def __init__(self, url: str | None, api_key: str | None, timeout: float, retries: int) -> None:
        settings = Settings()
        self.url = (url or settings.api_url).strip().rstrip("/")
        known = settings.api_key.get_secret_value() if settings.api_key else ""
        key = header("api_key or IMAML_API_KEY", (api_key or known).strip(), "copy the key again")
        if not 0 < timeout <= threading.TIMEOUT_MAX:
            raise InvalidArgument(f"timeout is {timeout}; give a number of seconds above 0.")
        self._retries = retries
        try:
            address, self._fault = _address(self.url), None
        except ValueError as error:
            address, self._fault = httpx.URL(), f"{error}"
        self.options: dict[str, Any] = {
            "base_url": address,
            "headers": {"Authorization": f"Bearer {key}"} if key else {},
            "timeout": timeout,
            # A proxy that the environment names would look for the service on its own machine.
            "trust_env": not _is_loopback(address.host),
        }

    def request(self, http: httpx.Client | httpx.AsyncClient, call: Call[Any]) -> httpx.Request:
        """Return the request of a call.

        Raises ApiUnreachable where the URL leads nowhere, InvalidArgument for what httpx refuses to send.
        """
        if self._fault:
            raise ApiUnreachable(
                f"No service can be at {self.url!r}: {self._fault}; start one with `make up`, "
                "and let IMAML_API_URL say where it runs."
            )
        try:
            return http.build_request(call.method, call.path, **call.request)
        except UnicodeEncodeError as error:
            strange = error.object[error.start]
            raise InvalidArgument(
                f"A text has {strange!r}, which is no character; send it without."
            ) from error
        except (TypeError, ValueError, httpx.InvalidURL) as error:
            raise InvalidArgument(f"The call cannot be sent: {error}.") from error

    def answer(self, call: Call[Result], after: float = 0) -> Steps[Result]:
        """Return what is answered to a call, made again where that may help."""
        attempt = 0
        while True:
            outcome = yield Attempt(call, after)
            with self.explained():
                if isinstance(outcome, httpx.Response) and outcome.is_success:
                    return call.read(outcome)
                again_after = pause(outcome, attempt, call.repeatable) if attempt < self._retries else None
                if again_after is None:
                    raise ApiError.of_response(outcome) if isinstance(outcome, httpx.Response) else outcome
            after = again_after
            attempt += 1

    def all(self, call: Call[Page[Item]]) -> Steps[list[Item]]:
        """Return the items of all pages."""
        items: list[Item] = []
        while True:
            page = yield from self.answer(call)
            items += page.items
            if page.next_cursor is None:
                return items
            call = call.at(page.next_cursor)

    def ended(self, job_id: str, timeout: float) -> Steps[Adaptation]:
        """Return what a job made, once it has ended."""
        end = time.monotonic() + timeout
        look_after = _FIRST_LOOK
        job = yield from self.answer(calls.job(job_id))
        while job.status in ("queued", "running"):
            left = end - time.monotonic()
            if left <= 0:
                raise ClientError(
                    f"Job {job_id} is still {job.status} after {timeout:g} s; wait for it again."
                )
            job = yield from self.answer(calls.job(job_id), after=min(look_after, left))
            look_after = min(2 * look_after, _LAST_LOOK)
        if job.problem is not None:
            raise ApiError.of_job(job.problem)
        if job.adaptation_id is None:
            raise ClientError(f"What job {job_id} made has been deleted; submit its examples again.")
        return (yield from self.answer(calls.adaptation(job.adaptation_id)))

    @contextmanager
    def explained(self) -> Generator[None]:
        """Raise what goes wrong inside as a ClientError that says what to do."""
        try:
            yield
        except httpx.TimeoutException as error:
            raise ApiUnreachable(f"The service at {self.url} took too long to answer; try again.") from error
        except CUT_OFF as error:
            raise ApiUnreachable(f"The service at {self.url} broke off the connection; try again.") from error
        except httpx.TransportError as error:
            raise ApiUnreachable(
                f"No service answers at {self.url}; start it with `make up`, "
                "or let IMAML_API_URL say where it runs."
            ) from error
        except ValidationError as error:
            raise ClientError(
                f"What answers at {self.url} is no imaml service, or one of another version; "
                "let IMAML_API_URL say where it runs."
            ) from error


def _address(url: str) -> httpx.URL:
    """Return the address of a service; raises ValueError, with the reason, for one that leads nowhere."""
    try:
        address = httpx.URL(url)
        host = address.host
        address.raw_host.decode("ascii").encode("idna")  # as the look-up of names will do
    except httpx.InvalidURL as error:
        raise ValueError(f"{error}".rstrip(".")) from error
    except UnicodeError as error:
        raise ValueError("no host can have such a name") from error
    if address.scheme not in ("http", "https"):
        raise ValueError("it does not begin with http:// or https://")
    if not host:
        raise ValueError("it names no host")
    if address.port is not None and not 0 < address.port < 2**16:
        raise ValueError(f"there is no port {address.port}")
    return address


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
