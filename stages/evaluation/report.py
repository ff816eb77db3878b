"""The evaluation report: one HTML file with everything inside."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np

from stages.evaluation.charts import cumulative_chart, rate_bars, stacked_bar
from stages.evaluation.html import centimetres, interval, milliseconds, percent, section, table
from stages.evaluation.planner_report import planner_section
from stages.evaluation.results import (
    LEVEL_NAMES,
    error_budget,
    failure_counts,
    prediction_quality,
    success_tables,
)
from stages.evaluation.theme import STYLE
from stages.rollouts.failures import BUDGET, CAUSES
from stages.rollouts.jobs import LEVELS
from stages.rollouts.storage import EpisodeResult


@dataclass(frozen=True)
class Clip:
    """One video of the report; `image` is an animated WebP."""

    result: EpisodeResult
    image: bytes


@dataclass(frozen=True)
class Report:
    """What a report shows.

    Attributes:
        name: of the run.
        policy: who acted, in words.
        created: date and time in words.
        results: every episode of the policy itself.
        ablations: what was different (`outputs.VARIANTS`) -> its episodes.
        latency: level -> part of the policy -> median and p95 [s].
        clips: videos.
        untrained: level -> training variations of it that the policy was not trained on.
        planner: summaries of the evaluations of the planner alone (`evaluate_planner`), level by level.
        lineage: rows (artifact, schema, SHA-256, path).
        config: resolved configuration.
    """

    name: str
    policy: str
    created: str
    results: list[EpisodeResult]
    ablations: dict[str, list[EpisodeResult]] = field(default_factory=dict)
    latency: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    clips: list[Clip] = field(default_factory=list)
    untrained: dict[str, list[str]] = field(default_factory=dict)
    planner: list[dict] = field(default_factory=list)
    lineage: list[tuple[str, str, str, str]] = field(default_factory=list)
    config: dict = field(default_factory=dict)


def render(report: Report) -> str:
    """The report as one HTML page without references to anything outside it."""
    parts = [
        f"<h1>CLAP evaluation: {escape(report.name)}</h1>",
        f'<p class="lead">{escape(report.policy)}, {escape(report.created)}</p>',
        *(_closed_loop(report) if report.results or not report.planner else ()),
        planner_section(report.planner) if report.planner else "",
        section("Where it comes from", _lineage(report)),
    ]
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
    title = f"<title>CLAP evaluation: {escape(report.name)}</title>"
    body = "\n".join(part for part in parts if part)
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}{title}<style>{STYLE}</style></head>'
        f"<body><main>\n{body}\n</main></body></html>\n"
    )


def _closed_loop(report: Report) -> list[str]:
    """What the policy achieved in the simulator."""
    tables = success_tables(report.results)
    return [
        _tiles(tables),
        section("Success", _headline(tables), _SUCCESS_NOTE),
        section("Success per variation", _bars(tables), _untrained(report)),
        section("The same scenes otherwise", _ablations(report), _ABLATION_NOTE) if report.ablations else "",
        section("What went wrong", _failures(report.results), _FAILURE_NOTE),
        section("Predictions against truth", _predictions(report.results), _PREDICTION_NOTE),
        section("Time per step", _latency(report.latency), "Wall clock on the machine that ran the evaluation."),
        section("Episodes", _videos(report.clips)) if report.clips else "",
    ]


ORACLE = "oracle"
"""Begins the names of variants with replaced answers: "oracle+plan+step"."""

_SUCCESS_NOTE = (
    "Mean over variations; 95 % Wilson intervals of all episodes together; spread is the standard deviation over seeds."
)
_ABLATION_NOTE = (
    "The same scenes with answers of the policy's modules replaced, or with instructions in words that training never "
    "hears."
)
_FAILURE_NOTE = (
    "A failed episode is charged to the module that first left the expert's way; where none did, to motion planning or "
    "to physics."
)
_PREDICTION_NOTE = (
    "At every state that the policy reached, what the expert would do there is the truth; "
    "keypoints are compared where the step was right."
)


def _tiles(tables: dict) -> str:
    tiles = []
    if (mean := tables["mean_over_levels"]) is not None:
        count = sum(level != "train" for level in tables["levels"])
        label = f"mean over {count} levels" if count > 1 else "mean"
        tiles.append(f'<div class="tile main"><b>{100 * mean:.1f} %</b><span>{label}</span></div>')
    for level, row in tables["levels"].items():
        tiles.append(
            f'<div class="tile"><b>{100 * row["rate"]:.1f} %</b><span>{escape(LEVEL_NAMES[level])}</span></div>'
        )
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _headline(tables: dict) -> str:
    rows = [
        [
            LEVEL_NAMES[level],
            percent(row["rate"]),
            interval(row),
            percent(row["std"]),
            row["successes"],
            row["episodes"],
            len(row["variations"]),
        ]
        for level, row in tables["levels"].items()
    ]
    total = None
    if tables["mean_over_levels"] is not None:
        spread = percent(tables["mean_over_levels_std"])
        total = ["Mean over levels", percent(tables["mean_over_levels"]), "", spread, "", "", ""]
    header = ["Level", "Success", "95 % interval", "Spread over seeds", "Successes", "Episodes", "Variations"]
    return table(header, rows, total)


def _bars(tables: dict) -> str:
    return "".join(
        f"<h3>{escape(LEVEL_NAMES[level])}</h3>{rate_bars(row['variations'])}"
        for level, row in tables["levels"].items()
    )


def _untrained(report: Report) -> str:
    """Whose success at a level of known variations is generalisation, in words; empty if there are none."""
    listed = [f"{level.upper()}: {', '.join(names)}" for level, names in report.untrained.items() if names]
    return f"Not trained on, though the level is one of training variations: {'; '.join(listed)}." if listed else ""


def _ablations(report: Report) -> str:
    columns = {"": report.results} | report.ablations
    tables = {source: success_tables(results)["levels"] for source, results in columns.items()}
    shown = [level for level in LEVELS if any(level in levels for levels in tables.values())]
    rows = []
    for source, levels in tables.items():
        cells = [
            f"{percent(levels[level]['rate'])} {interval(levels[level])}" if level in levels else "" for level in shown
        ]
        rows.append([_variant(source), *cells])
    return table(["", *(level.upper() if level != "train" else level for level in shown)], rows)


def _variant(name: str) -> str:
    """The name of a variant (`outputs.variant_name`) in words."""
    who, _, wordings = name.partition("-")
    kind, *modules = who.split("+")
    if kind not in (ORACLE, "expert"):
        wordings, modules = name, []
    replaced = ["random keypoints" if module == "random" else f"true {module}" for module in modules]
    said = "the simulator's expert acts" if kind == "expert" else ", ".join(replaced) or "the policy alone"
    return said + (f", {wordings} wordings" if wordings else "")


def _failures(results: Sequence[EpisodeResult]) -> str:
    """The failed episodes of every level and task by module, and of every level by cause."""
    budget = error_budget(results)
    if not budget:
        return '<p class="note">No failures.</p>'
    parts = []
    for level, tasks in budget.items():
        total = {module: sum(row.get(module, 0) for row in tasks.values()) for module in BUDGET}
        total = {module: count for module, count in total.items() if count}
        rows = [[task, *(row.get(module, "") for module in total)] for task, row in tasks.items()]
        body = table(["Task", *total], rows, ["all", *total.values()])
        parts.append(f"<h3>{escape(LEVEL_NAMES[level])}</h3>{stacked_bar(total, list(BUDGET))}{body}")
    counts = failure_counts(results)
    seen = [cause for cause in CAUSES if any(cause in row for row in counts.values())]
    rows = [[cause, *(row.get(cause, "") for row in counts.values()), CAUSES[cause]] for cause in seen]
    causes = table(["Cause", *map(str.upper, counts), ""], rows, texts=[len(counts) + 1])
    return "".join(parts) + f"<details><summary>By cause</summary>{causes}</details>"


def _predictions(results: Sequence[EpisodeResult]) -> str:
    quality = prediction_quality(results)
    rows = [
        [
            LEVEL_NAMES[level],
            row["observations"],
            percent(row["step_accuracy"]),
            centimetres(row["keypoint_error_median"]),
            percent(row["within_3cm"]),
            percent(row["within_5cm"]),
        ]
        for level, row in quality.items()
    ]
    errors = {level: _finite(r.keypoint_errors for r in results if r.level == level) for level in quality}
    chart = cumulative_chart({level.upper() if level != "train" else level: values for level, values in errors.items()})
    header = ["Level", "Observations", "Right step", "Keypoint error, median", "Within 3 cm", "Within 5 cm"]
    return table(header, rows) + "<h3>Share of keypoints within a distance of the true one</h3>" + chart


def _latency(latency: dict[str, dict[str, dict[str, float]]]) -> str:
    rows = [
        [LEVEL_NAMES[level], stage, milliseconds(row.get("median")), milliseconds(row.get("p95"))]
        for level, stages in latency.items()
        for stage, row in stages.items()
    ]
    return table(["Level", "Part", "Median", "95th percentile"], rows)


def _videos(clips: Sequence[Clip]) -> str:
    order = {level: number for number, level in enumerate(LEVELS)}
    clips = sorted(clips, key=lambda clip: (order[clip.result.level], clip.result.taskvar, not clip.result.success))
    parts = []
    for level in dict.fromkeys(clip.result.level for clip in clips):
        figures = "".join(_figure(clip) for clip in clips if clip.result.level == level)
        parts.append(f'<h3>{escape(LEVEL_NAMES[level])}</h3><div class="videos">{figures}</div>')
    return "".join(parts)


def _figure(clip: Clip) -> str:
    result = clip.result
    source = f"data:image/webp;base64,{base64.b64encode(clip.image).decode()}"
    outcome, tone = ("success", "good") if result.success else (result.failure, "bad")
    plan = "".join(f"<li>{escape(line)}</li>" for line in result.plan)
    return (
        f'<figure><img src="{source}" alt="{escape(result.instruction)}" loading="lazy"><figcaption>'
        f'<div class="task"><b>{escape(result.taskvar)}</b><b class="{tone}">{escape(outcome)}</b></div>'
        f"{escape(result.instruction)}"
        f"<details><summary>plan ({len(result.plan)})</summary><ol>{plan}</ol></details></figcaption></figure>"
    )


def _lineage(report: Report) -> str:
    rows = [[name, schema, digest[:12], path] for name, schema, digest, path in report.lineage]
    artifacts = table(["Artifact", "Schema", "SHA-256", "Path"], rows) if rows else ""
    settings = escape(json.dumps(report.config, indent=2))
    return f"{artifacts}<details><summary>Configuration</summary><pre>{settings}</pre></details>"


def _finite(arrays: Iterable[np.ndarray]) -> np.ndarray:
    values = np.concatenate([*arrays, np.empty(0)])
    return values[np.isfinite(values)]
