"""What `imaml models import` stores can be used: it tries a file as the service does."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from imaml.cli import cli
from imaml.commands.database import open_store
from imaml.runtime.graphs import GraphError
from imaml.store import Bundle, bundles


def test_a_model_that_would_fail_in_use_is_not_imported(
    model_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IMAML_DATABASE_URL", raising=False)
    monkeypatch.setenv("IMAML_HOME", str(tmp_path))
    file = tmp_path / "model.imaml"
    anonymous = {key: value for key, value in model_bundle.description.items() if key != "dataset"}
    broken = {
        "examples": replace(model_bundle, examples=b"no zip"),
        "dataset": replace(model_bundle, description=anonymous),
    }
    for part, bundle in broken.items():
        file.write_bytes(bundles.write(bundle))
        result = CliRunner().invoke(cli, ["models", "import", str(file)])
        assert isinstance(result.exception, GraphError)
        assert part in str(result.exception)
    with open_store().reading() as transaction:
        assert transaction.models.list().items == []
