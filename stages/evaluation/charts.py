"""Charts as inline SVG, coloured by the page's style sheet so that they follow light and dark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

LABEL_WIDTH, BAR_WIDTH, VALUE_WIDTH, ROW = 250, 380, 130, 26


def rate_bars(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Horizontal bars of success rates with their intervals.

    Args:
        rows: label -> {rate, low, high, successes, episodes}.
    """
    height = ROW * len(rows) + 22
    body = [_grid(height)]
    for number, (label, rate) in enumerate(rows.items()):
        y = number * ROW + 4
        left, low, high = (LABEL_WIDTH + BAR_WIDTH * rate[key] for key in ("rate", "low", "high"))
        middle = y + ROW / 2 - 3
        counts = f"{rate['successes']} of {rate['episodes']}"
        body.append(
            f'<text class="label" x="{LABEL_WIDTH - 10}" y="{middle + 4}">{escape(label)}</text>'
            f'<rect class="track" x="{LABEL_WIDTH}" y="{y}" width="{BAR_WIDTH}" height="{ROW - 8}" rx="3"/>'
            f'<rect class="bar" x="{LABEL_WIDTH}" y="{y}" width="{max(left - LABEL_WIDTH, 0):.1f}" height="{ROW - 8}"'
            f' rx="3"><title>{escape(label)}: {counts}</title></rect>'
            f'<path class="whisker" d="M{low:.1f} {middle}H{high:.1f}'
            f'M{low:.1f} {middle - 4}v8M{high:.1f} {middle - 4}v8"/>'
            f'<text class="value" x="{LABEL_WIDTH + BAR_WIDTH + 10}" y="{middle + 4}">'
            f'<tspan class="strong">{100 * rate["rate"]:.0f} %</tspan>  {counts}</text>'
        )
    return _svg(LABEL_WIDTH + BAR_WIDTH + VALUE_WIDTH, height, "success rates", body)


def _grid(height: int) -> str:
    lines = []
    for percent in (0, 25, 50, 75, 100):
        x = LABEL_WIDTH + BAR_WIDTH * percent / 100
        lines.append(
            f'<path class="grid" d="M{x} 0V{height - 20}"/><text class="tick" x="{x}" y="{height - 6}">{percent}</text>'
        )
    return "".join(lines)


def cumulative_chart(series: Mapping[str, Sequence[float]], limit: float = 0.2) -> str:
    """Share of keypoints within a distance, one curve per series.

    Args:
        series: label -> distances [m].
        limit: right end of the axis [m].
    """
    grid = np.linspace(0, limit, 81)
    curves = {
        label: (grid / limit, np.searchsorted(np.sort(np.asarray(distances)), grid, side="right") / len(distances))
        if len(distances)
        else (grid / limit, np.zeros_like(grid))
        for label, distances in series.items()
    }
    ticks = {share: f"{100 * share * limit:.0f} cm" for share in np.linspace(0, 1, 5)}
    return _share_chart("keypoint errors", curves, ticks)


def reliability_chart(series: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """Share that is right against confidence, one curve per series; on the diagonal, confidences are honest.

    Args:
        series: label -> bins with `confidence` and `right` (`statistics.reliability`).
    """
    curves = {
        label: (np.array([row["confidence"] for row in bins]), np.array([row["right"] for row in bins]))
        for label, bins in series.items()
    }
    ticks = {share: f"{100 * share:.0f} %" for share in np.linspace(0, 1, 5)}
    return _share_chart("reliability", curves, ticks, diagonal=True)


def _share_chart(
    title: str, curves: Mapping[str, tuple[np.ndarray, np.ndarray]], ticks: Mapping[float, str], diagonal: bool = False
) -> str:
    """Curves of shares in [0, 1] over an axis from 0 to 1, with a legend.

    Args:
        curves: label -> places on the axis, shares.
        ticks: place on the axis -> text.
        diagonal: also draw the line from corner to corner.
    """
    width, height, left, bottom = 620, 260, 44, 34
    plot_width, plot_height = width - left - 150, height - bottom - 10

    def place(x: float, y: float) -> str:
        return f"{left + plot_width * x:.1f},{10 + plot_height * (1 - y):.1f}"

    body = [f'<path class="grid" d="M{place(0, 0)}L{place(1, 1)}"/>'] if diagonal else []
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = 10 + plot_height * (1 - share)
        body.append(
            f'<path class="grid" d="M{left} {y}H{left + plot_width}"/>'
            f'<text class="tick end" x="{left - 6}" y="{y + 4}">{100 * share:.0f} %</text>'
        )
    for x, text in ticks.items():
        body.append(f'<text class="tick" x="{left + plot_width * x:.1f}" y="{height - 16}">{text}</text>')
    for number, (label, (places, shares)) in enumerate(curves.items()):
        points = " ".join(place(x, y) for x, y in zip(places, shares, strict=True))
        y = 18 + 18 * number
        body.append(
            f'<polyline class="curve c{number % 5}" points="{points}"/>'
            f'<path class="curve c{number % 5}" d="M{left + plot_width + 14} {y}h18"/>'
            f'<text class="legend" x="{left + plot_width + 38}" y="{y + 4}">{escape(label)}</text>'
        )
    return _svg(width, height, title, body)


def stacked_bar(counts: Mapping[str, int], order: Sequence[str]) -> str:
    """One bar divided in proportion to the counts, with a legend; a label's colour is its place in `order`."""
    total, width, x = sum(counts.values()), LABEL_WIDTH + BAR_WIDTH + VALUE_WIDTH, 0.0
    body, legend = [], []
    for label, count in counts.items():
        number = order.index(label)
        share = width * count / total
        body.append(
            f'<rect class="part p{number % 8}" x="{x:.1f}" y="0" width="{share:.1f}" height="22">'
            f"<title>{escape(label)}: {count}</title></rect>"
        )
        legend.append(f'<span class="key"><i class="p{number % 8}"></i>{escape(label)} <b>{count}</b></span>')
        x += share
    return _svg(width, 22, "causes of failure", body) + f'<div class="keys">{"".join(legend)}</div>'


def _svg(width: float, height: float, title: str, body: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}" '
        f'style="max-width:{width}px">{"".join(body)}</svg>'
    )
