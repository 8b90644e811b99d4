"""`make bench`: measures, prints tables, and writes them with their plots to benchmarks/results."""

import argparse
import importlib
import sys

import torch

from benchmarks.peers.environment import PeerError
from benchmarks.report import show, write
from benchmarks.service import ServiceError
from benchmarks.setting import Setting
from imaml.tasks import DataError
from imaml.training.errors import TrainingError
from imaml.training.learner import choose_device

ANYWHERE = ("meta_step", "comparators", "memory", "sampling")
CPU_ONLY = (
    "adaptation",
    "dashboard",
    "far_from_home",
    "footprint",
    "gradient_error",
    "mislabelled",
    "recipes",
    "serving",
    "unknown",
)


def main() -> None:
    """Run the benchmarks that were asked for; status 1 where one could not be measured here."""
    names = (*CPU_ONLY, *ANYWHERE)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"which of {', '.join(names)}; all where none is named")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument(
        "--rounds", type=int, default=9, help="how often the sides of a comparison take turns"
    )
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in names]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]}; choose from {', '.join(names)}")
    if arguments.rounds < 1:
        parser.error(f"--rounds is {arguments.rounds}; it must be 1 or more")
    try:
        device = choose_device(arguments.device)
    except TrainingError as error:
        parser.error(str(error))
    lacking = 0
    for name in arguments.names or (names if device.type == "cpu" else ANYWHERE):
        where = torch.device("cpu") if name in CPU_ONLY else device
        try:
            report = importlib.import_module(f"benchmarks.{name}").run(Setting(where, arguments.rounds))
        except (DataError, PeerError, ServiceError) as error:
            print(f"{name}: not measured: {error}", file=sys.stderr)
            lacking += 1
            continue
        show(report)
        write(name, report, where)
    sys.exit(lacking > 0)


main()
