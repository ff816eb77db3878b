"""`clap evaluate`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from clap_cli import options
from clap_cli.show import run_stage


def command(
    split: Annotated[
        str, typer.Option("--split", help="train, held-out, l1, l2, l3, l4, rlbench18, or all (l1 to l4).")
    ] = "",
    run: options.Run = options.DEFAULT_RUN,
    config: options.ConfigFile = None,
    settings: options.Settings = None,
    seed: options.Seed = None,
    tasks: options.Tasks = None,
    episodes: Annotated[int | None, typer.Option("--episodes", min=1, help="Episodes per variation and seed.")] = None,
    protocol: Annotated[
        str | None,
        typer.Option("--protocol", help="'gembench': seeds 200 to 600, 20 episodes of each, 25 motions at most."),
    ] = None,
    seeds: Annotated[
        list[int] | None, typer.Option("--eval-seed", help="Evaluation seed, 200 or more; repeatable.")
    ] = None,
    instructions: Annotated[
        str | None, typer.Option("--instructions", help="'training' wordings, 'novel' ones, or a JSON file.")
    ] = None,
    workers: options.Workers = None,
    oracle: Annotated[
        str,
        typer.Option(
            "--oracle", help="Answers that are the truth: some of plan,list,step,keypoint,action; 'random' keypoints."
        ),
    ] = "",
    planner_only: Annotated[
        bool,
        typer.Option("--planner-only", help="Ask the planner at every step of the expert's way; no policy acts."),
    ] = False,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--compare", help="Two run directories: their success in the scenes that both have."),
    ] = None,
    policy: Annotated[str, typer.Option("--policy", help="Who acts: clap, or the simulator's expert.")] = "clap",
    vlm: options.Vlm = None,
    fine: options.Fine = None,
    resume: options.Resume = False,
    overwrite: options.Overwrite = False,
    json_: options.Json = False,
) -> None:
    """Closed-loop success in the simulator: writes rollouts-<split>.h5, results.jsonl and report.html.

    With --planner-only the quality of plans, steps, objects and keypoints instead: planner-<split>.h5. With --compare
    nothing is rolled out: two runs are compared.
    """
    from stages.artifacts.run import SPLITS, RunDirectory
    from stages.core.errors import UserError
    from stages.settings.evaluate import PROTOCOLS
    from stages.settings.loader import load_config, nearest

    if policy not in ("clap", "expert"):
        raise UserError(f"there is no policy '{policy}'", nearest(policy, ("clap", "expert")))
    replaced = [name for name in oracle.replace(" ", "").split(",") if name]
    if compare:
        from stages.compare import compare as compare_runs

        run_stage(
            "compare",
            lambda progress: compare_runs(*compare, policy=policy, oracle=replaced, instructions=instructions or ""),
            json_,
            comparison_table,
        )
        return
    if not split:
        raise UserError("no split was named", "Say --split l1, l2, l3, l4, all, train or held-out")
    if protocol is not None and protocol not in PROTOCOLS:
        raise UserError(f"there is no protocol '{protocol}'", nearest(protocol, PROTOCOLS))
    values = dict(PROTOCOLS[protocol]) if protocol else {}
    values |= {level.replace("-", "_"): episodes for level in SPLITS if episodes is not None}
    values |= {"seeds": tuple(seeds)} if seeds else {}
    resolved = load_config(
        config,
        settings or (),
        seed=seed,
        evaluate__taskvars=tasks or None,
        evaluate__workers=workers,
        evaluate__instructions=instructions,
        **{f"evaluate__{name}": value for name, value in values.items()},
    )
    paths = RunDirectory(run)
    if planner_only:
        if policy != "clap" or oracle or fine:
            raise UserError("--planner-only asks the planner alone", "Leave out --policy, --oracle and --fine")
        from stages.evaluate_planner import evaluate_planner

        run_stage(
            "evaluate",
            lambda progress: evaluate_planner(
                resolved, vlm or paths.vlm, split, paths, resume=resume, overwrite=overwrite, progress=progress
            ),
            json_,
            planner_table,
            run=run,
        )
        return
    from stages.evaluate import evaluate

    expert = policy == "expert"
    run_stage(
        "evaluate",
        lambda progress: evaluate(
            resolved,
            None if expert else vlm or paths.vlm,
            None if expert else fine or paths.fine,
            split,
            paths,
            resume=resume,
            overwrite=overwrite,
            progress=progress,
            oracle=replaced,
        ),
        json_,
        results_table,
        run=run,
    )


def results_table(title: str, summary: dict[str, Any]) -> Table:
    """Success per variation and level, with 95 % intervals and, for several seeds, their standard deviation."""
    caption = f"{_footnote(summary)}95 % Wilson intervals. Report: {summary['report']}"
    if summary["mean_over_levels_std"] is not None:
        mean, spread = 100 * summary["mean_over_levels"], 100 * summary["mean_over_levels_std"]
        caption = f"Mean over levels {mean:.1f} %, standard deviation over seeds {spread:.1f}. {caption}"
    table = Table(title=title, title_justify="left", caption=caption, caption_justify="left")
    table.add_column("level")
    table.add_column("variation", overflow="fold")
    several = any(values["std"] is not None for values in summary["levels"].values())
    for name in ("successes", "episodes", "rate", "interval", *(["over seeds"] if several else [])):
        table.add_column(name, justify="right", no_wrap=True)
    for level, values in summary["levels"].items():
        for variation, rate in values["variations"].items():
            table.add_row(level, variation + _mark(variation, values), *_cells(rate))
        spread = "" if values["std"] is None else f"± {100 * values['std']:.1f} %"
        table.add_row(level, "all", *_cells(values), *([spread] if several else []), style="bold", end_section=True)
    return table


def _mark(variation: str, level: dict[str, Any]) -> str:
    return " *" if variation in level["untrained"] else ""


def _footnote(summary: dict[str, Any]) -> str:
    """What the mark means, where it stands."""
    return "* not trained on. " if any(level["untrained"] for level in summary["levels"].values()) else ""


def _cells(rate: dict[str, Any]) -> list[str]:
    interval = f"{100 * rate['low']:.0f} to {100 * rate['high']:.0f} %"
    return [str(rate["successes"]), str(rate["episodes"]), f"{100 * rate['rate']:.0f} %", interval]


def comparison_table(title: str, summary: dict[str, Any]) -> Table:
    """Success of two runs in the same scenes, and how much more often the second succeeds."""
    caption = f"First: {summary['first']}. Second: {summary['second']}. 95 % paired bootstrap intervals over scenes."
    table = Table(title=title, title_justify="left", caption=caption, caption_justify="left")
    table.add_column("level")
    for name in ("scenes", "first", "second", "difference", "interval", "only second", "only first"):
        table.add_column(name, justify="right", no_wrap=True)
    for level, row in (summary["levels"] | {"all": summary["all"]}).items():
        rates = [f"{100 * row[name]:.0f} %" for name in ("first", "second")]
        interval = f"{100 * row['low']:+.0f} to {100 * row['high']:+.0f}"
        counts = str(row["gained"]), str(row["lost"])
        table.add_row(level, str(row["scenes"]), *rates, f"{100 * row['difference']:+.1f}", interval, *counts)
    return table


def planner_table(title: str, summary: dict[str, Any]) -> Table:
    """Quality of the planner's answers per variation and level; shares in percent, median errors in centimetres."""
    caption = f"{_footnote(summary)}Shares of all answers in percent, 95 % Wilson intervals below. "
    caption += f"Report: {summary['report']}"
    table = Table(title=title, title_justify="left", caption=caption, caption_justify="left", box=None)
    table.padding, table.pad_edge = (0, 1, 0, 0), False
    table.add_column("", overflow="fold", min_width=17)
    for name in ("plan", "step", "point\ncm", "3 cm", "5 cm", "thing\ncm", "3 cm", "5 cm", "asked"):
        table.add_column(name, justify="right", no_wrap=True)
    for level, values in summary["levels"].items():
        for variation, quality in values["variations"].items():
            name = variation + _mark(variation, values)
            table.add_row(name, *_quality_cells(quality, _share), str(quality["keyframes"]))
        table.add_row(level, *_quality_cells(values, _share), str(values["keyframes"]), style="bold")
        table.add_row("", *_quality_cells(values, _bounds), "", end_section=True)
    return table


def _quality_cells(quality: dict[str, Any], shown: Callable[[dict[str, Any] | None], str]) -> list[str]:
    cells = [shown(quality["plan"]), shown(quality["step"])]
    for place in (quality["keypoint"], quality["object"]):
        median = f"{100 * place['median']:.1f}" if shown is _share and place["median"] is not None else ""
        cells += [median, shown(place["within_3cm"]), shown(place["within_5cm"])]
    return cells


def _share(share: dict[str, Any] | None) -> str:
    return "-" if share is None else f"{100 * share['rate']:.0f}"


def _bounds(share: dict[str, Any] | None) -> str:
    return "" if share is None else f"{100 * share['low']:.0f}-{100 * share['high']:.0f}"
