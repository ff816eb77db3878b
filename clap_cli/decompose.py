"""`clap decompose`."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Group

from clap_cli import options
from clap_cli.show import run_stage, summary_table

SHOWN_DIFFERENCES = 10
"""Differences that the table lists; `--json` has all of them."""


def command(
    run: options.Run = options.DEFAULT_RUN,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    seed: options.Seed = None,
    mode: Annotated[
        str | None,
        typer.Option("--mode", help="'rules': the demonstration's own steps. 'llm': a language model writes the plan."),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="For --mode llm: a causal language model, Hugging Face name or path.")
    ] = None,
    fall_back: Annotated[
        bool | None,
        typer.Option(
            "--fall-back-on-rules", help="Where the model's plan disagrees with the motions, take the rules'."
        ),
    ] = None,
    demos: options.Demos = None,
    keypoints: options.Keypoints = None,
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    json_: options.Json = False,
) -> None:
    """The language plan of every episode, aligned to its keyframes and checked: writes plans.h5."""
    from stages.artifacts.run import RunDirectory
    from stages.decompose import decompose
    from stages.settings.loader import load_config

    resolved = load_config(
        config, settings or (), seed=seed, decompose__mode=mode, decompose__model=model, decompose__fall_back=fall_back
    )
    paths = RunDirectory(run)
    run_stage(
        "decompose",
        lambda progress: decompose(
            resolved,
            demos or paths.demos,
            keypoints or paths.keypoints,
            paths.plans,
            resume=resume,
            overwrite=overwrite,
            progress=progress,
        ),
        json_,
        _table,
        run=run,
    )


def _table(title: str, summary: dict[str, Any]) -> Group:
    """The summary with the differences between a language model and the rules in full sentences."""
    if not (differences := summary.get("differences")):
        return summary_table(title, summary)
    lines = [_sentence(**difference) for difference in differences[:SHOWN_DIFFERENCES]]
    if more := len(differences) - len(lines):
        lines.append(f"and {more} more; --json lists all of them")
    return summary_table(title, summary | {"differences": lines})


def _sentence(taskvar: str, instruction: str, episodes: int, model: list[str], rules: list[str], problem: str) -> str:
    verdict = f"disagrees: {problem}" if problem else "agrees with the motions"
    return (
        f"{taskvar}, '{instruction}' ({episodes} episode{'s' * (episodes > 1)})\n"
        f"  the model says: {'; '.join(model)} ({verdict})\n  the rules say: {'; '.join(rules)}"
    )
