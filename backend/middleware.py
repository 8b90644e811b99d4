"""Around every request: its number, its log line, its origin, its size, and an answer whatever happens."""

import asyncio
import re
from time import perf_counter

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend import logs, problems
from backend.problems import Problem
from imaml.store import new_id

REQUEST_ID = "X-Request-ID"

_USABLE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LOOPBACK = r"(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d{1,5})?"
_HOST = re.compile(_LOOPBACK, re.IGNORECASE)
_ORIGIN = re.compile(f"https?://{_LOOPBACK}", re.IGNORECASE)
_GONE = 499  # the client did not wait for the answer; the number that web servers log

_log = logs.get_logger()


class RequestLog:
    """Give each request an id, log it in one line, and answer what nobody foresaw with a plain 500."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = Headers(scope=scope).get(REQUEST_ID, "")
        if not _USABLE_ID.fullmatch(request_id):
            request_id = new_id()
        status = 0
        started = perf_counter()

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        log = _log.bind(request_id=request_id, method=scope["method"], path=scope["path"])
        try:
            await self._app(scope, receive, send_marked)
        except ClientDisconnect:
            status = _GONE
        except Exception:
            log.exception("unexpected error")
            if status:
                raise
            await problems.answer(problems.unexpected())(scope, receive, send_marked)
        finally:
            log.info("request", status=status, duration_ms=round((perf_counter() - started) * 1e3, 1))


class DropAbandoned:
    """Cancel what a client no longer waits for, so that its work is dropped before it runs."""

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


class LoopbackOnly:
    """Refuse what web pages from elsewhere send through the browser of whoever runs the service.

    It asks for no key, so a page could otherwise post to it, and read it too under a name that its owner
    lets stand for this machine. Browsers say truly by which name they ask, and for whose page.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http" and (refusal := _foreign(Headers(scope=scope))):
            await problems.answer(refusal)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


class BodyLimit:
    """Refuse a body that is too large, by what it says of itself and by what really comes."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        stated = Headers(scope=scope).get("content-length", "0")
        too_large = stated.isdecimal() and int(stated) > self._most
        received = 0

        async def receive_within_limit() -> Message:
            # Raised from here and not around the application: where the body is read, problems are answered.
            nonlocal received
            if too_large:
                raise self._too_large()
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._most:
                raise self._too_large()
            return message

        await self._app(scope, receive_within_limit, send)

    def _too_large(self) -> Problem:
        return Problem(413, "body-too-large", f"The request is larger than {self._most} bytes; send less.")


def _foreign(headers: Headers) -> Problem | None:
    host, origin = headers.get("host", ""), headers.get("origin")
    if not _HOST.fullmatch(host):
        detail = f"The service answers to names of this machine alone, not to {host[:100]!r}; use 127.0.0.1."
        return Problem(403, "foreign-host", detail)
    if origin is not None and not _ORIGIN.fullmatch(origin):
        detail = f"The service takes nothing from pages of {origin[:100]!r}; call it from this machine's own."
        return Problem(403, "foreign-origin", detail)
    return None
