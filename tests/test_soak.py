"""Samples of the long proofs of tests/soak, which `make soak` runs in full."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import clap_here
from tests.soak.full_disk import run_full_disk
from tests.soak.kills import run_kills
from tests.soak.mutations import run_mutations
from tests.soak.pipeline import ReferenceRun, make_reference_run
from tests.soak.requests import run_requests


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> ReferenceRun:
    return make_reference_run(tmp_path_factory.mktemp("soak"), clap_here)


def test_killed_stages_go_on_as_if_nothing_had_happened(reference: ReferenceRun, tmp_path: Path) -> None:
    counts = run_kills(reference, 4, 0, tmp_path, ("decompose", "drive"))
    assert sum(one.early + one.midway + one.late for one in counts.values()) == 4


def test_damaged_artifacts_are_refused_in_one_line(reference: ReferenceRun, tmp_path: Path) -> None:
    outcomes = run_mutations(reference.run, 48, 7, tmp_path)
    assert not outcomes.wrong and outcomes.well and outcomes.refused


def test_a_full_disk_loses_nothing(reference: ReferenceRun, tmp_path: Path) -> None:
    assert run_full_disk(reference, tmp_path, ("decompose", "train-fine"), (0.3,)) == {"decompose": 1, "train-fine": 1}


def test_no_request_gives_an_error_of_the_server_or_an_action_that_must_not_be_sent(tmp_path: Path) -> None:
    answers = run_requests(300, 0, tmp_path)
    assert answers.acted and answers.stayed
