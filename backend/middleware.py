"""Around every request: its log line, its headers, its size, and an answer whatever happens."""

import asyncio
import re
from time import perf_counter

from asgi_correlation_id import correlation_id
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend import logs, problems
from backend.problems import Problem
from backend.security import Caller
from imaml.store import new_id

REQUEST_ID = "X-Request-ID"

_USABLE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_GONE = 499  # the client did not wait for the answer; the number that web servers log
_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_NO_CONTENT_POLICY = "default-src 'none'; frame-ancestors 'none'"
_DOCS_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'"
)

_log = logs.get_logger()


def request_id(wanted: str) -> str:
    """Return the id that a client wants for its request if it is usable in a log, or else a new one."""
    return wanted if _USABLE_ID.fullmatch(wanted) else new_id()


class RequestLog:
    """Log each request in one line, and answer what nobody foresaw with a plain 500.

    By hand, since no kept library logs through structlog, and Starlette's own handler of errors stands
    outside of all middleware, where the answer would lack its headers and its id.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0
        started = perf_counter()

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        # No more than this: what is sent, and the key by which, may not be known to readers of a log.
        log = _log.bind(request_id=correlation_id.get(), method=scope["method"], path=scope["path"])
        try:
            await self._app(scope, receive, send_noted)
        except ClientDisconnect:
            status = _GONE
        except asyncio.CancelledError:
            if not status and scope["app"].state.stopping:
                await problems.answer(problems.stopping(), scope["path"])(scope, receive, send_noted)
            raise
        except Exception:
            log.exception("unexpected error")
            if status:
                raise
            await problems.answer(problems.unexpected(), scope["path"])(scope, receive, send_noted)
        finally:
            caller = scope.get("user")
            if isinstance(caller, Caller) and caller.key_id:
                log = log.bind(tenant=caller.tenant, key=caller.key_id)
            log.info("request", status=status, duration_ms=round((perf_counter() - started) * 1e3, 1))


class DropAbandoned:
    """Cancel what a client no longer waits for, so that its work is dropped before it runs.

    By hand, since neither Starlette nor uvicorn does it: they leave it to each route to ask.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        whole, answered, gone = asyncio.Event(), False, False

        async def receive_body() -> Message:
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body", False):
                whole.set()
            return message

        async def send_answer(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        async def watch() -> None:
            nonlocal gone
            await whole.wait()
            # The body is complete, so this is what comes when the client goes, or after the answer.
            message = await receive()
            if message["type"] == "http.disconnect" and not answered:
                gone = True
                handling.cancel()

        handling = asyncio.ensure_future(self._app(scope, receive_body, send_answer))
        watching = asyncio.ensure_future(watch())
        try:
            await handling
        except asyncio.CancelledError:
            if not gone:
                handling.cancel()
                raise
            raise ClientDisconnect from None
        finally:
            watching.cancel()


class SecurityHeaders:
    """Tell browsers to guess no types, show answers in no frame, keep none, and give nobody's address away.

    By hand, since it is five constants; the pages of /docs alone load scripts.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                policy = _DOCS_POLICY if scope["path"] == "/docs" else _NO_CONTENT_POLICY
                headers.setdefault("Content-Security-Policy", policy)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class BodyLimit:
    """Refuse a body that is too large, by what it says of itself and by what comes, too slow, or compressed.

    By hand, since Starlette's own answers in plain text, where every refusal here is a problem.
    """

    def __init__(self, app: ASGIApp, most: int, seconds: float) -> None:
        self._app = app
        self._most = most
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        stated, encoding = headers.get("content-length", "0"), headers.get("content-encoding", "identity")
        too_large = stated.isdecimal() and int(stated) > self._most
        received = 0
        whole = False
        end = asyncio.get_running_loop().time() + self._seconds

        async def receive_within_limit() -> Message:
            # Raised from here and not around the application: where the body is read, problems are answered.
            nonlocal received, whole
            if too_large:
                raise self._too_large()
            if encoding != "identity":
                raise _compressed(encoding)
            try:
                async with asyncio.timeout_at(None if whole else end):
                    message = await receive()
            except TimeoutError:
                raise self._too_slow() from None
            whole = not message.get("more_body", False)
            received += len(message.get("body", b""))
            if received > self._most:
                raise self._too_large()
            return message

        await self._app(scope, receive_within_limit, send)

    def _too_large(self) -> Problem:
        return Problem(413, "body-too-large", f"The request is larger than {self._most} bytes; send less.")

    def _too_slow(self) -> Problem:
        detail = f"The request did not come within {self._seconds:g} s; send it faster, or less."
        return Problem(408, "body-too-slow", detail)


def _compressed(encoding: str) -> Problem:
    detail = f"The body is compressed as {encoding[:100]!r}; send it as it is."
    return Problem(415, "unsupported-encoding", detail)
