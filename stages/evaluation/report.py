"""The evaluation report: one HTML file with everything inside."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np

from stages.evaluation.charts import cumulative_chart, rate_bars, stacked_bar
from stages.evaluation.failures import CAUSES
from stages.evaluation.results import (
    LEVELS,
    EpisodeResult,
    failure_counts,
    prediction_quality,
    success_tables,
)
from stages.evaluation.theme import STYLE

LEVEL_NAMES = {
    "train": "train: training placements",
    "l1": "L1: new placements",
    "l2": "L2: new rigid objects",
    "l3": "L3: new articulated objects",
    "l4": "L4: long-horizon tasks",
}


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
    lineage: list[tuple[str, str, str, str]] = field(default_factory=list)
    config: dict = field(default_factory=dict)


def render(report: Report) -> str:
    """The report as one HTML page without references to anything outside it."""
    tables = success_tables(report.results)
    parts = [
        f"<h1>CLAP evaluation: {escape(report.name)}</h1>",
        f'<p class="lead">{escape(report.policy)}, {escape(report.created)}</p>',
        _tiles(tables),
        _section(
            "Success",
            _headline(tables),
            _SUCCESS_NOTE,
        ),
        _section("Success per variation", _bars(tables)),
        _section("The same scenes otherwise", _ablations(report), _ABLATION_NOTE) if report.ablations else "",
        _section(
            "What went wrong", _failures(report.results), "The first thing in which the policy left the expert's way."
        ),
        _section("Predictions against truth", _predictions(report.results), _PREDICTION_NOTE),
        _section("Time per step", _latency(report.latency), "Wall clock on the machine that ran the evaluation."),
        _section("Episodes", _videos(report.clips)) if report.clips else "",
        _section("Where it comes from", _lineage(report)),
    ]
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
    title = f"<title>CLAP evaluation: {escape(report.name)}</title>"
    body = "\n".join(part for part in parts if part)
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}{title}<style>{STYLE}</style></head>'
        f"<body><main>\n{body}\n</main></body></html>\n"
    )


_SOURCES = {
    "planner": "the planner's keypoints",
    "random": "random keypoints",
    "truth": "true keypoints",
    "expert": "the simulator's expert acts",
}
_SUCCESS_NOTE = (
    "Mean over variations; 95 % Wilson intervals of all episodes together; spread is the standard deviation over seeds."
)
_ABLATION_NOTE = (
    "The same scenes with the planner's keypoint replaced, or with instructions in words that training never hears."
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
            _percent(row["rate"]),
            _interval(row),
            _percent(row["std"]),
            row["successes"],
            row["episodes"],
            len(row["variations"]),
        ]
        for level, row in tables["levels"].items()
    ]
    total = None
    if tables["mean_over_levels"] is not None:
        spread = _percent(tables["mean_over_levels_std"])
        total = ["Mean over levels", _percent(tables["mean_over_levels"]), "", spread, "", "", ""]
    header = ["Level", "Success", "95 % interval", "Spread over seeds", "Successes", "Episodes", "Variations"]
    return _table(header, rows, total)


def _bars(tables: dict) -> str:
    return "".join(
        f"<h3>{escape(LEVEL_NAMES[level])}</h3>{rate_bars(row['variations'])}"
        for level, row in tables["levels"].items()
    )


def _ablations(report: Report) -> str:
    columns = {"planner": report.results} | report.ablations
    tables = {source: success_tables(results)["levels"] for source, results in columns.items()}
    shown = [level for level in LEVELS if any(level in table for table in tables.values())]
    rows = []
    for source, table in tables.items():
        cells = [
            f"{_percent(table[level]['rate'])} {_interval(table[level])}" if level in table else "" for level in shown
        ]
        kind, _, novel = source.partition("-") if source != "novel" else ("planner", "", "novel")
        rows.append([_SOURCES[kind] + (", novel wording" if novel else ""), *cells])
    return _table(["", *(level.upper() if level != "train" else level for level in shown)], rows)


def _failures(results: Sequence[EpisodeResult]) -> str:
    parts = []
    for level, counts in failure_counts(results).items():
        body = stacked_bar(counts, list(CAUSES)) if counts else '<p class="note">No failures.</p>'
        parts.append(f"<h3>{escape(LEVEL_NAMES[level])}</h3>{body}")
    seen = sorted({result.failure for result in results if result.failure}, key=list(CAUSES).index)
    explained = "".join(f"<dt><b>{escape(cause)}</b>: {escape(CAUSES[cause])}</dt>" for cause in seen)
    return "".join(parts) + (
        f'<details><summary>What the causes mean</summary><dl class="note">{explained}</dl></details>'
    )


def _predictions(results: Sequence[EpisodeResult]) -> str:
    quality = prediction_quality(results)
    rows = [
        [
            LEVEL_NAMES[level],
            row["observations"],
            _percent(row["step_accuracy"]),
            _centimetres(row["keypoint_error_median"]),
            _percent(row["within_3cm"]),
            _percent(row["within_5cm"]),
        ]
        for level, row in quality.items()
    ]
    errors = {level: _finite(r.keypoint_errors for r in results if r.level == level) for level in quality}
    chart = cumulative_chart({level.upper() if level != "train" else level: values for level, values in errors.items()})
    header = ["Level", "Observations", "Right step", "Keypoint error, median", "Within 3 cm", "Within 5 cm"]
    return _table(header, rows) + "<h3>Share of keypoints within a distance of the true one</h3>" + chart


def _latency(latency: dict[str, dict[str, dict[str, float]]]) -> str:
    rows = [
        [LEVEL_NAMES[level], stage, _milliseconds(row.get("median")), _milliseconds(row.get("p95"))]
        for level, stages in latency.items()
        for stage, row in stages.items()
    ]
    return _table(["Level", "Part", "Median", "95th percentile"], rows)


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
    table = _table(["Artifact", "Schema", "SHA-256", "Path"], rows) if rows else ""
    settings = escape(json.dumps(report.config, indent=2))
    return f"{table}<details><summary>Configuration</summary><pre>{settings}</pre></details>"


def _section(title: str, body: str, note: str = "") -> str:
    explained = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<section><h2>{escape(title)}</h2>{explained}{body}</section>"


def _table(header: Sequence[str], rows: Iterable[Sequence], total: Sequence | None = None) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    if total is not None:
        body += '<tr class="total">' + "".join(f"<td>{escape(str(cell))}</td>" for cell in total) + "</tr>"
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _interval(row: dict) -> str:
    return f"[{100 * row['low']:.0f}, {100 * row['high']:.0f}]"


def _centimetres(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} cm"


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{1000 * value:.0f} ms"


def _finite(arrays: Iterable[np.ndarray]) -> np.ndarray:
    values = np.concatenate([*arrays, np.empty(0)])
    return values[np.isfinite(values)]
