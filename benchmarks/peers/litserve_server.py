"""The eager adaptation and its predictions behind LitServe: `python -m …litserve_server JOB PORT WORKERS`.

`POST /predict` takes what our API takes: examples, and it answers with what became of them; or inputs, and it
answers from the adaptation that each worker made when it started. Nothing is stored.
"""

import base64
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.peers import eager
from imaml.runtime.inputs import Drawings

litserve: Any = import_module("litserve")


class FewShot(litserve.LitAPI):
    """Adapts and predicts."""

    def __init__(self, job: Path) -> None:
        super().__init__()
        self._job = job

    def setup(self, device: str) -> None:
        """Once in each worker."""
        torch.set_num_threads(1)
        job = torch.load(self._job, weights_only=True)
        self._theta: list[Tensor] = job["theta"]
        self._descent = eager.Descent(*job["descent"])
        self._classes: list[str] = job["classes"]
        self._adapted = eager.adapt(self._theta, job["images"], job["labels"], self._descent)

    def predict(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer one request."""
        return self._adapt(request["examples"]) if "examples" in request else self._answer(request["inputs"])

    def _adapt(self, examples: list[dict[str, str]]) -> dict[str, Any]:
        examples = sorted(examples, key=lambda example: example["label"])
        classes = sorted({example["label"] for example in examples})
        labels = torch.tensor([classes.index(example["label"]) for example in examples])
        images = _images(examples)
        adapted = eager.adapt(self._theta, images, labels, self._descent)
        right = eager.predict(adapted, images).argmax(1) == labels
        return {"classes": classes, "support_accuracy": right.float().mean().item()}

    def _answer(self, inputs: list[dict[str, str]]) -> dict[str, Any]:
        rows: list[list[float]] = eager.predict(self._adapted, _images(inputs)).tolist()
        shares = [dict(zip(self._classes, row, strict=True)) for row in rows]
        return {"predictions": [{"label": max(row, key=row.__getitem__), **row} for row in shares]}


def _images(inputs: list[dict[str, str]]) -> Tensor:
    """As the model sees them."""
    drawings = Drawings()
    files = [base64.b64decode(example["image"]) for example in inputs]
    return torch.from_numpy(drawings.to_input(drawings.read(files)))


def main() -> None:
    """Serve."""
    job, port, workers = sys.argv[1:]
    server = litserve.LitServer(
        FewShot(Path(job)), accelerator="cpu", workers_per_device=int(workers), fast_queue=True
    )
    server.run(
        host="127.0.0.1", port=int(port), num_api_servers=1, log_level="error", generate_client_file=False
    )


if __name__ == "__main__":
    main()
