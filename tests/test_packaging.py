"""What is installed where: pins, extras, one ONNX Runtime, the images' build file, the wheel's contents."""

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]


def pins() -> dict[str, str]:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


def required(names: list[str]) -> set[str]:
    """Every distribution that these requirements bring here, transitively."""
    seen: set[tuple[str, frozenset[str]]] = set()
    queue = [(Requirement(name), frozenset[str]()) for name in names]
    while queue:
        requirement, extras = queue.pop()
        marker = requirement.marker
        if marker and not any(marker.evaluate({"extra": extra}) for extra in extras | {""}):
            continue
        node = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if node not in seen:
            seen.add(node)
            queue += [(Requirement(text), node[1]) for text in distribution(node[0]).requires or []]
    return {name for name, _ in seen}


def test_every_distribution_is_pinned_to_what_is_tested_here() -> None:
    everything = required(PROJECT["dependencies"] + [name for extra in EXTRAS.values() for name in extra])
    pinned = pins()
    assert everything <= pinned.keys()
    for name in everything:
        assert distribution(name).version.split("+")[0] == pinned[name], name


def test_serving_brings_no_torch() -> None:
    serving = required(PROJECT["dependencies"] + EXTRAS["api"] + EXTRAS["dashboard"])
    assert not {name for name in serving if name.startswith(("torch", "nvidia", "triton"))}
    assert "torch" in required(EXTRAS["train"])


@pytest.mark.parametrize(
    ("system", "machine", "expected"),
    [
        ("linux", "x86_64", "onnxruntime-gpu"),
        ("linux", "aarch64", "onnxruntime"),
        ("darwin", "arm64", "onnxruntime"),
        ("win32", "AMD64", "onnxruntime"),
    ],
)
def test_there_is_one_onnx_runtime_on_every_machine(system: str, machine: str, expected: str) -> None:
    environment = {"sys_platform": system, "platform_machine": machine}
    requirements = [Requirement(text) for text in PROJECT["dependencies"] if text.startswith("onnxruntime")]
    assert [r.name for r in requirements if r.marker and r.marker.evaluate(environment)] == [expected]


def test_the_images_install_the_same_extras_with_the_same_pins() -> None:
    stages = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]
    installed = {}
    for stage in stages:
        base, name = re.match(r"(\S+) AS (\S+)", stage).groups()
        if commands := re.findall(r"pip install (.*)", stage):
            assert base == "base"
            assert all("-c constraints.txt" in command for command in commands)
            installed[name] = re.findall(r"'\.\[(.*)\]'", commands[0])
    assert installed == {"api": ["api,telemetry"], "dashboard": ["dashboard"], "train": ["train"]}
    base = next(stage for stage in stages if " AS base" in stage)
    for package in ("imaml", "backend", "dashboard", "migrations"):
        assert f"COPY {package} {package}" in base


def test_make_installs_with_the_pins() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert "--constraint constraints.txt" in makefile
    installed = set(re.findall(r"\.\[([a-z,]+)\]", makefile))
    assert installed == {"api,dashboard", "api,telemetry,dashboard,train,dev"}


def test_the_wheel_carries_everything_that_runs(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {
        "imaml/starter.imaml",
        "imaml/_migrations/env.py",
        "imaml/_migrations/versions/0001_first_tables.py",
        "backend/app.py",
        "backend/messages/examples.json",
        "dashboard/app.py",
        "dashboard/style.css",
        "dashboard/.streamlit/config.toml",
    } <= names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/")) or name.endswith(".db")]
