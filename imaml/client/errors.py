"""How a call fails."""

from typing import Self

import httpx

from imaml.client.answers import Problem


class ClientError(Exception):
    """A call that came to nothing; the message is a sentence for the user."""


class InvalidArgument(ClientError, ValueError):
    """What was given cannot be sent; nothing was asked of the service."""


class ApiUnreachable(ClientError):
    """Nothing answers where the service should be, or the connection to it broke."""


class ApiError(ClientError):
    """The service refused: `type` says stably what, `errors` by field what is wrong with it.

    The service's log has the details under `request_id`; a failed job has none.
    """

    def __init__(
        self,
        status: int,
        type_: str,
        title: str,
        detail: str,
        errors: dict[str, str],
        request_id: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.type = type_
        self.title = title
        self.detail = detail
        self.errors = errors
        self.request_id = request_id

    @classmethod
    def of_job(cls, problem: Problem) -> Self:
        """Return what a job failed with."""
        return cls(problem.status, problem.type, problem.title, problem.detail, problem.errors)

    @classmethod
    def of_response(cls, response: httpx.Response) -> Self:
        """Return what a response that is no success says."""
        status, phrase = response.status_code, response.reason_phrase
        request_id = response.headers.get("X-Request-ID")
        try:
            problem = response.json()
            said = problem["type"], problem["title"], problem["detail"], problem["errors"]
        except (ValueError, TypeError, KeyError):  # a proxy's page, or another service
            said = "about:blank", phrase, f"{response.url} answered {f'{status} {phrase}'.strip()}.", {}
        return cls(status, *said, request_id)
