"""The report's section on the planner alone."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from stages.evaluation.charts import reliability_chart
from stages.evaluation.html import centimetres, details, interval, milliseconds, percent, section, table
from stages.evaluation.results import LEVEL_NAMES

SHOWN = 10
"""Confusions of each kind in the report."""

_NOTE = (
    "No robot acts on these answers: the expert plays fresh scenes, and at each of its keyframes the planner is asked, "
    "with the true plan and memory given. Where several things have one name, the expert's choice is the true one; "
    "an equal thing is another of that name. Shares of all answers with 95 % Wilson intervals."
)
_QUALITY = (
    *("Plan right", "Right step", "Keypoint error, median", "Keypoint within 3 cm", "within 5 cm"),
    "within 3 cm of an equal thing",
    *("Object error, median", "Object within 3 cm", "within 5 cm"),
)
_CONFUSED = {
    "plans": ("Lines of plans", "Right line", "Planned instead"),
    "steps": ("Steps chosen", "Right step", "Chosen instead"),
    "keypoints": ("Keypoints of right steps, more than 5 cm off", "Asked", "Landed on"),
}


def planner_section(summaries: Sequence[dict[str, Any]]) -> str:
    """One section about all evaluated levels and wordings; see `evaluate_planner` for a summary."""
    rows = [[_name(one), *_quality_cells(one), one["episodes"], one["keyframes"]] for one in summaries]
    curves = {_short(one): one["confidence"]["keypoint"]["bins"] for one in summaries}
    parts = [
        table(["Level", *_QUALITY, "Episodes", "Keyframes"], rows),
        *(details(f"Variations of {_name(one)}", _variations(one)) for one in summaries),
        "<h3>Share of right steps with a keypoint within 3 cm, by the confidence of the decision</h3>",
        reliability_chart(curves),
        table(["Level", *_TRUST, *_SECONDS.values()], map(_trust, summaries)),
        *(_confusions(one) for one in summaries),
    ]
    return section("The planner alone", "".join(parts), _NOTE)


_SECONDS = {"views": "Views", "list": "Listing", "plan": "Plan", "decide": "Decision"}
_TRUST = (
    *("Calibration error of plans", "of keypoints", "Keypoints of right steps more than 5 cm off"),
    "Average precision of finding them by low confidence",
    *("Listing precision", "recall"),
)


def _trust(summary: dict[str, Any]) -> list[str]:
    confidence, listing = summary["confidence"], summary["listing"] or {}
    errors = [percent(confidence[kind]["error"]) for kind in ("plan", "keypoint")]
    far_off = confidence["far_off"]
    found = [f"{far_off['count']} of {far_off['asked']}", percent(far_off["average_precision"])]
    listed = [_rate(listing.get(kind)) for kind in ("precision", "recall")]
    seconds = [milliseconds(summary["seconds"].get(kind, {}).get("median")) for kind in _SECONDS]
    return [_name(summary), *errors, *found, *listed, *seconds]


def _variations(summary: dict[str, Any]) -> str:
    new = set(summary["untrained"])
    rows = [
        [name + " (not trained on)" * (name in new), *_quality_cells(one), one["episodes"]]
        for name, one in summary["variations"].items()
    ]
    left = "".join(f'<p class="note">{count} left out: {escape(why)}</p>' for why, count in summary["left_out"].items())
    return table(["Variation", *_QUALITY, "Episodes"], rows) + left


def _quality_cells(quality: dict[str, Any]) -> list[str]:
    equal = _rate(quality["keypoint_or_equal"]["within_3cm"])
    keypoint, thing = (_place_cells(quality[kind]) for kind in ("keypoint", "object"))
    return [_rate(quality["plan"]), _rate(quality["step"]), *keypoint, equal, *thing]


def _place_cells(place: dict[str, Any]) -> list[str]:
    return [centimetres(place["median"]), _rate(place["within_3cm"]), _rate(place["within_5cm"])]


def _rate(share: dict[str, Any] | None) -> str:
    return "-" if share is None else f"{percent(share['rate'])} {interval(share)}"


def _confusions(summary: dict[str, Any]) -> str:
    parts = []
    for kind, (title, asked, said) in _CONFUSED.items():
        if rows := summary["confused"][kind][:SHOWN]:
            cells = [[row["times"], row["asked"], row["said"], row["example"]] for row in rows]
            shown = table(["Times", asked, said, "For example"], cells, texts=(1, 2, 3))
            parts.append(f'<p class="note">{escape(title)}</p>{shown}')
    body = "".join(parts) or '<p class="note">Nothing.</p>'
    return f"<h3>What is confused with what: {escape(_name(summary))}</h3>{body}"


def _name(summary: dict[str, Any]) -> str:
    return LEVEL_NAMES[summary["split"]] + _wording(summary)


def _short(summary: dict[str, Any]) -> str:
    return summary["split"].upper() + _wording(summary)


def _wording(summary: dict[str, Any]) -> str:
    return "" if summary["instructions"] == "training" else f", {summary['instructions']} wordings"
