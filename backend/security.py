"""Who asks, and what they may do: with a key or, before the first was made, whoever is on this machine."""

import math
import re
from dataclasses import dataclass
from typing import Literal

from fastapi import Request, Response
from starlette.authentication import AuthCredentials, AuthenticationBackend, AuthenticationError, BaseUser
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection

from backend import problems
from backend.problems import Problem
from backend.rates import Rates
from backend.settings import Settings
from imaml.store import SCOPES, ApiKey, Scope, Store, StoreError
from imaml.store.tables import DEFAULT_TENANT

PUBLIC = frozenset({"/healthz", "/readyz", "/openapi.json", "/docs", "/v2/health/live", "/v2/health/ready"})
"""What balancers and readers ask without a key; it shows nothing of anybody's."""

_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_LOOPBACK = r"(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d{1,5})?"
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
_HOST = re.compile(_LOOPBACK, re.IGNORECASE)
_ORIGIN = re.compile(f"https?://{_LOOPBACK}", re.IGNORECASE)


@dataclass(frozen=True)
class Caller(BaseUser):
    """Whose things a request sees, and by which key; by none on a service without keys."""

    tenant: str
    key_id: str | None

    @property
    def is_authenticated(self) -> bool:
        """Always: who has not shown a key is no caller."""
        return True


class Refused(AuthenticationError):
    """A request that goes no further."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


class Requires:
    """Dependency of a route: lets in whoever has one of these scopes, or any key where none is named."""

    def __init__(self, *scopes: Scope) -> None:
        self.scopes = scopes

    async def __call__(self, request: Request) -> None:
        """Raise Problem for a caller without such a scope; whoever comes here has shown a key."""
        if self.scopes and not {*self.scopes} & {*request.auth.scopes}:
            detail = (
                f"The key has the scopes {', '.join(request.auth.scopes)}; "
                f"this call needs {' or '.join(self.scopes)}."
            )
            raise Problem(403, "scope-needed", detail)


class Keys(AuthenticationBackend):
    """Finds who asks by the key that they send; revoked ones open nothing from that moment on."""

    def __init__(self, settings: Settings, rates: Rates) -> None:
        self._origins = settings.cors_origins
        self._rates = rates

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, Caller] | None:
        """Return who asks; None for what is public. Raises Refused, before anything of the body is read."""
        path = conn.scope["path"]
        if path in PUBLIC or path.startswith("/docs/"):
            return None
        scheme, _, text = conn.headers.get("authorization", "").partition(" ")
        try:
            key = await run_in_threadpool(
                _identify, conn.app.state.store, text.strip() if scheme.lower() == "bearer" else ""
            )
        except StoreError as error:
            raise Refused(problems.of_store(error)) from error
        if key == "local":
            self._check_is_local(conn.headers)
            return AuthCredentials(SCOPES), Caller(DEFAULT_TENANT, None)
        self._check_rate(key)
        return AuthCredentials(key.scopes), Caller(key.tenant, key.id)

    def _check_rate(self, key: ApiKey) -> None:
        if wait := math.ceil(self._rates.wait(key.id)):
            detail = f"The key has asked too often; wait {wait} s. GET /v1/limits tells how often it may."
            raise Refused(Problem(429, "rate-exceeded", detail, headers={"Retry-After": f"{wait}"}))

    def _check_is_local(self, headers: Headers) -> None:
        """Refuse what web pages from elsewhere send through the browser of whoever runs the service.

        It asks for no key, so a page could otherwise post to it, and read it too under a name that its owner
        lets stand for this machine. Browsers say truly by which name they ask, and for whose page.
        """
        host, origin = headers.get("host", ""), headers.get("origin")
        if any(name in headers for name in _FORWARDED):
            detail = (
                "The service has no keys and answers this machine alone, not what a proxy passes on; "
                "make one with `imaml keys create`."
            )
            raise Refused(Problem(403, "foreign-host", detail))
        if not _HOST.fullmatch(host):
            detail = (
                f"The service has no keys and answers to names of this machine alone, not to {host[:100]!r}; "
                "use 127.0.0.1."
            )
            raise Refused(Problem(403, "foreign-host", detail))
        if origin is not None and not _ORIGIN.fullmatch(origin) and not {origin, "*"} & {*self._origins}:
            detail = (
                f"The service takes nothing from pages of {origin[:100]!r}; call it from this machine's own, "
                "or allow it by IMAML_CORS_ORIGINS."
            )
            raise Refused(Problem(403, "foreign-origin", detail))


def refuse(conn: HTTPConnection, error: AuthenticationError) -> Response:
    """Answer a request that goes no further."""
    assert isinstance(error, Refused)
    return problems.answer(error.problem, conn.url.path)


def _identify(store: Store, text: str) -> ApiKey | Literal["local"]:
    """Return the key of that text; before any was made, everybody is local. Raises Refused, StoreError."""
    with store.reading() as transaction:
        key = transaction.keys.find(text) if text else None
        if key is None:
            if not transaction.keys.exist():
                return "local"
            raise Refused(_key_unknown() if text else _key_needed())
        use_is_due = transaction.keys.is_use_due(key)
    if use_is_due:
        with store.transaction() as transaction:
            transaction.keys.record_use(key.id)
    return key


def _key_needed() -> Problem:
    return Problem(
        401,
        "key-needed",
        "The service needs a key: send `Authorization: Bearer KEY`; `imaml keys create` makes one.",
        headers=_CHALLENGE,
    )


def _key_unknown() -> Problem:
    return Problem(
        401,
        "key-unknown",
        "The key is unknown, has expired or was revoked; ask whoever runs the service for another.",
        headers=_CHALLENGE,
    )
