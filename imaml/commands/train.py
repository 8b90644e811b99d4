"""`imaml train`: a run from the command line, watched and resumable."""

import signal
import sys
import time
import tomllib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, get_args

import click
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from imaml.commands.data import load
from imaml.commands.database import open_store
from imaml.store import check_name
from imaml.training.config import TrainingConfig
from imaml.training.errors import TrainingError

if TYPE_CHECKING:
    from imaml.store import Experiment, Store
    from imaml.training.run import Progress

PLAIN_SECONDS = 10.0  # between lines where there is no terminal


def config_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option for each training setting, absent unless it is given."""
    for name, field in reversed(TrainingConfig.model_fields.items()):
        text = str(field.description)
        if not field.is_required() and field.default not in (None, False):
            text += f" [default: {field.default}]"
        option = f"--{name.replace('_', '-')}"
        command = click.option(option, name, help=text, **_kind(field.annotation))(command)
    return command


def _kind(annotation: Any) -> dict[str, Any]:
    """What the command line makes of a setting's type."""
    if annotation is bool:
        return {"is_flag": True, "default": None}
    choices = get_args(annotation)
    if choices and all(isinstance(choice, str) for choice in choices):
        return {"type": click.Choice(choices)}
    plain = next((choice for choice in choices if choice is not type(None)), annotation)
    return {"type": click.Path(path_type=Path) if plain is Path else plain}


@click.command()
@config_options
@click.option("--config", type=click.Path(path_type=Path), help="TOML file of these settings.")
@click.option("--resume", is_flag=True, help="Go on with the unfinished run of this name.")
def train(config: Path | None, resume: bool, **options: Any) -> None:
    """Meta-learn θ and store it as a model. Options win over the file, the file over the defaults."""
    given = {**_read_toml(config), **{name: value for name, value in options.items() if value is not None}}
    with torch_required():
        from imaml.training import run as runs
        from imaml.training.distributed import world
    store = open_store()
    if resume:
        experiment, settings = _resumable(store, given)
    else:
        experiment, settings = None, _validated(given)
        check_name(settings.name)
    dataset = load(settings.dataset, settings.data, settings.image_size, settings.grey)
    with world() as processes, _stop_on_signal() as stopped:
        if not processes.leads:
            runs.follow(settings, dataset, processes, stopped)
            return
        if experiment is None:
            run = runs.start(store, settings, dataset, processes)
        else:
            run = runs.resume(store, experiment, settings, dataset, processes)
        click.echo(
            f"experiment {run.experiment_id}: {settings.algorithm} on {dataset.name}, {settings.ways}-way "
            f"{settings.shots}-shot, {run.trainer.device}, from step {run.trainer.step}",
            err=True,
        )
        with _progress(settings.meta_steps) as report:
            done = run.train(report, stopped)
    if not done:
        raise TrainingError(
            f"interrupted at step {run.trainer.step} of {settings.meta_steps}; "
            f"go on with: imaml train --name {settings.name} --resume"
        )
    click.echo("calibrating on validation classes and exporting", err=True)
    model = run.publish()
    click.echo(
        f"model {model.name}:{model.version} ({model.id}), "
        f"validation accuracy {run.trainer.best_accuracy:.4f}"
    )


def _read_toml(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise click.UsageError(f"--config {path} cannot be read: {error}") from error


def _validated(given: dict[str, Any]) -> TrainingConfig:
    """The settings, or a usage error that names the first wrong one."""
    try:
        return TrainingConfig.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:
            raise click.UsageError(first["msg"].removeprefix("Value error, ")) from error
        name = str(first["loc"][0])
        option = "--" + name.replace("_", "-")
        raise click.UsageError(f"{option}: {first['msg']} (given: {given.get(name)!r})") from error


def _resumable(store: "Store", given: dict[str, Any]) -> tuple["Experiment", TrainingConfig]:
    """The unfinished run of the given name; its own settings hold, but for where the data and device are."""
    if "name" not in given:
        raise click.UsageError("--resume needs the --name of the run")
    with store.reading() as transaction:
        experiment = transaction.experiments.find_resumable(given["name"])
    if experiment is None:
        raise TrainingError(f"there is no unfinished run named {given['name']!r}; start it without --resume")
    stored = experiment.config
    wanted = _validated({**stored, **given}).model_dump(mode="json")
    for name, value in wanted.items():
        if name not in ("data", "device") and value != stored[name]:
            option = name.replace("_", "-")
            raise click.UsageError(
                f"--{option} is {value} but the run was started with {stored[name]}; leave it out to resume"
            )
    return experiment, TrainingConfig.model_validate(wanted)


@contextmanager
def torch_required() -> Generator[None, None, None]:
    """Imports of the trainer's parts, which fail with a line that says what to install."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "onnx", "onnxscript"):
            raise
        raise TrainingError(
            f"this needs {error.name}, which is not installed; run: pip install 'imaml[train]'"
        ) from error


@contextmanager
def _stop_on_signal() -> Generator[Callable[[], bool], None, None]:
    """A function that says whether Ctrl-C or SIGTERM asked for a stop; a second one stops at once."""
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        signal.signal(number, signal.default_int_handler)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _progress(total: int) -> Generator[Callable[["Progress"], None], None, None]:
    """A bar on a terminal, a line now and then elsewhere."""
    if not sys.stderr.isatty():
        yield _plain_progress()
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=total)
        yield lambda progress: bar.update(task, completed=progress.step, description=_describe(progress))


def _plain_progress() -> Callable[["Progress"], None]:
    printed = 0.0

    def report(progress: "Progress") -> None:
        nonlocal printed
        if time.monotonic() - printed >= PLAIN_SECONDS or progress.step == progress.total:
            printed = time.monotonic()
            left = f"{progress.seconds_left:.0f} s left"
            click.echo(f"step {progress.step}/{progress.total}  {_describe(progress)}  {left}", err=True)

    return report


def _describe(progress: "Progress") -> str:
    text = f"loss {progress.outer_loss:.3f}  {1 / progress.seconds_per_step:.2f} steps/s"
    if progress.validation_accuracy is not None:
        text += f"  validation {progress.validation_accuracy:.4f}"
    return text
