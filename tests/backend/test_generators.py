"""A client that openapi-python-client makes from the schema, without a warning, works."""

import importlib
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.services import Examples

CONFIG = """
package_name_override: generated_client
post_hooks: []
content_type_overrides:
  application/zip: application/octet-stream
  application/x-zip-compressed: application/octet-stream
  application/x-ndjson: text/plain
  image/png: application/octet-stream
"""
"""What the generator knows of these types is that they are bytes, or text."""


@pytest.fixture
def generated(api_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of the package that was made."""
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG)
    subprocess.run(
        [
            *(Path(sys.executable).with_name("openapi-python-client"), "generate", "--fail-on-warning"),
            *("--url", f"{api_url}/openapi.json", "--config", config),
            *("--meta", "none", "--output-path", tmp_path / "generated_client"),
        ],
        check=True,
    )
    monkeypatch.syspath_prepend(tmp_path)
    return "generated_client"


def test_a_generated_client_teaches_asks_and_is_refused(
    generated: str, api_url: str, examples: Examples, queries: list[bytes]
) -> None:
    package = importlib.import_module(generated)
    models = importlib.import_module(f"{generated}.models")
    file = importlib.import_module(f"{generated}.types").File

    def call(operation: str, **sent: Any) -> Any:
        with package.Client(base_url=api_url) as client:
            return importlib.import_module(f"{generated}.api.{operation}").sync(client=client, **sent)

    pairs = [(label, file_) for label, files in examples.items() for file_ in files]
    form = models.NewAdaptationForm(
        model="small",
        examples=[file(io.BytesIO(data), f"{index}.png") for index, (_, data) in enumerate(pairs)],
        labels=[label for label, _ in pairs],
        max_steps=3,
    )
    adaptation = call("adaptations.create_adaptation", body=form)
    assert adaptation.classes == [*examples]
    assert adaptation.solution.steps == 3

    images = models.PredictionInputsForm([file(io.BytesIO(data), "query.png") for data in queries])
    answer = call("predictions.predict_answers", adaptation_id=adaptation.id, body=images)
    assert len(answer.predictions) == len(queries)
    assert {prediction.label for prediction in answer.predictions} <= {*examples}

    problem = call("adaptations.create_adaptation", body=models.NewAdaptation(model="none", examples=[]))
    assert (problem.status, problem.type_) == (400, "/problems/empty-request")
