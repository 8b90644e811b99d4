"""Services that answer as they are told to."""

import httpx

ADAPTATION = {
    "id": "a1",
    "name": None,
    "model": "small",
    "model_version": 1,
    "classes": ["cat", "dog"],
    "recipe": {
        "solver": "gradient_descent",
        "max_steps": 5,
        "inner_lr": 0.1,
        "lam": 0.5,
        "tolerance": 0,
        "validated": True,
    },
    "solution": {
        "steps": 5,
        "converged": False,
        "stop_reason": "max_steps",
        "residual": 0.1,
        "support_loss": 0.1,
        "support_accuracy": 1.0,
        "distance": 0.1,
        "trace": [],
        "duration_ms": 1.0,
    },
    "unknown_threshold": None,
    "warnings": [],
    "examples_stored": True,
    "created_at": "2026-01-01T00:00:00Z",
    "created_by": None,
    "expires_at": None,
}

Answer = httpx.Response | Exception


def problem(status: int, kind: str) -> dict[str, object]:
    title = kind.replace("-", " ").capitalize()
    return {
        "type": f"/problems/{kind}",
        "title": title,
        "status": status,
        "detail": f"{title}.",
        "errors": {},
    }


def refusal(status: int, kind: str = "server-full", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json=problem(status, kind), headers=named)


class Scripted:
    """Gives these answers one after the other, and the last one again and again; notes what was asked."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        answer = self._answers[min(len(self.asked), len(self._answers) - 1)]
        self.asked.append(request)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
