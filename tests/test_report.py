"""The report is one sound page with everything inside; videos, charts and captions say what the data say."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from stages.evaluation.charts import cumulative_chart, rate_bars, stacked_bar
from stages.evaluation.report import Clip, Report, render
from stages.evaluation.results import error_budget, failure_counts, prediction_quality, success_tables
from stages.evaluation.statistics import Rate
from stages.rollouts.storage import EpisodeResult
from stages.viewing.video import encode_webp, plan_lines, sample_times

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Checks nesting and gathers links and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def result(level: str, task: str, episode: int, success: bool, **changes: object) -> EpisodeResult:
    return replace(
        EpisodeResult(
            index=episode,
            task=task,
            variation=0,
            level=level,
            episode=episode,
            seed=200_000 + episode,
            instruction=f"do {task} <now> & well",
            success=success,
            error=None,
            steps_taken=2,
            failure="" if success else "keypoint off",
            plan=["grasp the red block", "lift the grasped red block"],
            steps=["grasp the red block", "grasp the red block"],
            true_steps=["grasp the red block", "lift the grasped red block"],
            keypoint_errors=np.array([0.04, np.nan]),
        ),
        **changes,
    )


RESULTS = [result("l1", "push", k, k < 3) for k in range(4)] + [result("l4", "tower", k, False) for k in range(2)]


def still(shade: int) -> Image.Image:
    return Image.fromarray(np.full((8, 8, 3), shade, np.uint8))


def report() -> Report:
    return Report(
        name="laptop",
        policy="CLAP",
        created="2026-01-01",
        results=RESULTS,
        ablations={"oracle+plan+random-novel": RESULTS[3:], "mine": RESULTS[3:]},
        latency={"l1": {"planner": {"median": 0.15, "p95": 0.2}}},
        clips=[
            Clip(RESULTS[0], encode_webp([still(0), still(99)], 0.1)),
            Clip(RESULTS[3], encode_webp([still(0)], 0.1)),
        ],
        lineage=[("demos.h5", "clap.demos", "ab" * 32, "runs/x/demos.h5")],
        config={"seed": 7},
    )


def test_page_is_well_formed_and_self_contained() -> None:
    html = render(report())
    page = Page(html)
    assert page.links and all(link.startswith("data:image/webp;base64,") for link in page.links)
    assert not re.search(r"https?:|@import|url\(|<script", html)


def test_page_tells_the_figures() -> None:
    text = Page(render(report())).text
    for expected in (
        "75.0 %",
        "[30, 95]",
        "Mean over levels",
        "37.5 %",
        "4.0 cm",
        "150 ms",
        '"seed": 7',
        "abababababab",
        "true plan, random keypoints, novel wordings",
        "the policy alone, mine wordings",
    ):
        assert expected in text
    assert "do push <now> & well" in text  # escaped in the source, or the parser would have eaten it


def test_page_of_nothing() -> None:
    Page(render(Report(name="empty", policy="CLAP", created="", results=[])))


def test_tables_count_what_happened() -> None:
    tables = success_tables(RESULTS)
    assert tables["levels"]["l1"]["successes"] == 3
    assert tables["levels"]["l1"]["variations"]["push+0"]["rate"] == 0.75
    assert tables["mean_over_levels"] == pytest.approx(0.375)
    assert failure_counts(RESULTS) == {"l1": {"keypoint off": 1}, "l4": {"keypoint off": 2}}
    assert error_budget(RESULTS) == {"l1": {"push": {"keypoint": 1}}, "l4": {"tower": {"keypoint": 2}}}


def test_training_placements_are_not_in_the_mean() -> None:
    assert success_tables([*RESULTS, result("train", "push", 0, True)])["mean_over_levels"] == pytest.approx(0.375)


def test_quality_counts_keypoints_only_where_the_step_is_right() -> None:
    quality = prediction_quality(RESULTS)["l1"]
    assert quality["observations"] == 8 and quality["keypoints"] == 4
    assert quality["step_accuracy"] == 0.5
    assert quality["keypoint_error_median"] == pytest.approx(0.04)
    assert (quality["within_3cm"], quality["within_5cm"]) == (0.0, 1.0)


def test_quality_leaves_out_what_the_expert_no_longer_does() -> None:
    done = result("l1", "push", 0, True, true_steps=["grasp the red block", ""])
    assert prediction_quality([done])["l1"]["observations"] == 1


def test_bars_are_as_long_as_the_rates() -> None:
    svg = ElementTree.fromstring(
        rate_bars({"a+0": Rate.of([True] * 3 + [False]).as_dict(), "b & c": Rate.of([]).as_dict()})
    )
    track, bar = (next(node for node in svg if node.get("class") == kind) for kind in ("track", "bar"))
    assert float(bar.get("width")) / float(track.get("width")) == pytest.approx(0.75)


def test_stacked_bar_divides_in_proportion() -> None:
    html = stacked_bar({"a": 3, "b": 1}, ["b", "a"])
    widths = [float(w) for w in re.findall(r'class="part p\d" x="[\d.]+" y="0" width="([\d.]+)"', html)]
    assert widths[0] == pytest.approx(3 * widths[1], rel=1e-3)


def test_cumulative_chart_rises_to_the_top() -> None:
    svg = ElementTree.fromstring(cumulative_chart({"L1": [0.01, 0.02, 0.5], "L2": []}))
    line = next(node for node in svg if node.tag == "polyline")
    heights = [float(point.split(",")[1]) for point in line.get("points").split()]
    assert heights == sorted(heights, reverse=True)
    assert (heights[0] - heights[-1]) / (260 - 34 - 10) == pytest.approx(2 / 3, abs=1e-3)


def test_video_is_animated_and_plays_its_frames() -> None:
    with Image.open(io.BytesIO(encode_webp([still(0), still(120), still(240)], 0.1))) as video:
        assert (video.format, video.n_frames, video.size) == ("WEBP", 3, (8, 8))
        shades = []
        for frame in range(3):
            video.seek(frame)
            shades.append(int(np.asarray(video.convert("RGB"))[4, 4, 0]))
    assert shades == pytest.approx([0, 120, 240], abs=12)


def test_sampled_times_keep_rate_ends_and_limit() -> None:
    time = np.arange(0, 3.0001, 0.05)
    samples = sample_times(time, 10)
    assert (samples[0], samples[-1]) == (0, len(time) - 1)
    assert np.diff(time[samples]).min() >= 0.049 and len(samples) <= 31
    assert len(sample_times(np.arange(0, 600, 0.05), 10)) <= 80
    assert list(sample_times(np.array([0.0]), 10)) == [0]


def test_plan_lines_tell_alike_steps_apart() -> None:
    plan = ["grasp a", "lift a", "grasp a", "lift a"]
    assert plan_lines(plan, ["grasp a", "grasp a", "lift a", "grasp a", "lift a"]) == [1, 1, 2, 3, 4]
    assert plan_lines(plan, ["lift a", "grasp a", "lift a", "grasp a"]) == [2, 3, 4, 1]
    assert plan_lines([], []) == [1]
