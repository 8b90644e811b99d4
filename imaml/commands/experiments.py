"""`imaml experiments`: stored training runs."""

from typing import Any

import click

from imaml.commands.database import open_store
from imaml.commands.output import json_option, print_json, print_rows
from imaml.store import Evaluation


@click.group()
def experiments() -> None:
    """Review stored training runs."""


@experiments.command("list")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@json_option
def list_command(limit: int, as_json: bool) -> None:
    """List the runs, newest first."""
    with open_store().reading() as transaction:
        page = transaction.experiments.list(limit=limit)
    rows = [
        {
            "name": experiment.name,
            "status": experiment.state(),
            "algorithm": experiment.algorithm,
            "dataset": experiment.dataset,
            "step": experiment.step,
            "total_steps": experiment.total_steps,
            "created_at": experiment.created_at.isoformat(timespec="seconds"),
            "id": experiment.id,
        }
        for experiment in page.items
    ]
    print_rows(rows, as_json, "no experiments; start one with: imaml train --name NAME")


@experiments.command()
@click.argument("experiment_id")
@json_option
def show(experiment_id: str, as_json: bool) -> None:
    """Show one run: settings, provenance, last metrics, evaluations."""
    with open_store().reading() as transaction:
        experiment = transaction.experiments.get(experiment_id)
        metrics = transaction.metrics.read(experiment_id)
        evaluations = transaction.evaluations.list(experiment_id=experiment_id)
    details: dict[str, Any] = {
        "id": experiment.id,
        "name": experiment.name,
        "status": experiment.state(),
        "step": experiment.step,
        "total_steps": experiment.total_steps,
        "error": experiment.error,
        "config": experiment.config,
        "provenance": experiment.provenance,
        "split": {part: len(classes) for part, classes in experiment.split.items()},
        "last_metrics": {name: points[-1].value for name, points in metrics.items() if points},
        "evaluations": [_describe(evaluation) for evaluation in evaluations],
    }
    if as_json:
        print_json(details)
    else:
        print_rows([{"field": key, "value": value} for key, value in details.items()], False, "")


def _describe(evaluation: Evaluation) -> str:
    kind = "transductive" if evaluation.transductive else "inductive"
    return (
        f"{evaluation.split} {evaluation.ways}-way {evaluation.shots}-shot, {kind}: "
        f"{evaluation.accuracy:.4f} ± {evaluation.ci95:.4f} ({evaluation.episodes} episodes)"
    )
