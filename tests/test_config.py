"""Settings: defaults, files, assignments, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from stages.core.errors import UserError
from stages.settings.loader import Config, assigned, load_config


@dataclass(frozen=True)
class Everything:
    """One field of every kind."""

    whole: int = 1
    real: float = 0.5
    flag: bool = False
    text: str = "a"
    maybe: int | None = None
    choice: Literal["slow", "fast"] = "slow"
    texts: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()


def test_settings_survive_yaml(tmp_path: Path) -> None:
    config = load_config(None, ["collect.taskvars=[push_button+0]", "fine.steps=7", "seed=3"])
    path = tmp_path / "settings.yaml"
    path.write_text(config.to_yaml())
    assert load_config(path) == config != Config()


def test_later_sources_win(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("seed: 5\ncollect:\n  episodes_per_variation: 4\n  image_size: 64\n")
    config = load_config(path, ["collect.image_size=96", "collect.workers=3"], collect__workers=2, seed=None)
    assert (config.seed, config.collect.episodes_per_variation) == (5, 4)
    assert (config.collect.image_size, config.collect.workers) == (96, 2)


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("")
    assert load_config(tmp_path / "empty.yaml") == Config()


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("whole=3", 3),
        ("real=2", 2.0),
        ("flag=true", True),
        ("text=b", "b"),
        ("maybe=4", 4),
        ("maybe=null", None),
        ("choice=fast", "fast"),
        ("texts=[x, y]", ("x", "y")),
        ("numbers=[1, 2.5]", (1.0, 2.5)),
    ],
)
def test_values_take_the_declared_type(assignment: str, value: object) -> None:
    found = getattr(assigned(Everything(), [assignment]), assignment.partition("=")[0])
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    "assignment",
    ["whole=1.5", "whole=true", "whole=two", "real=x", "flag=1", "text=3", "maybe=x", "choice=medium", "texts=[1]"]
    + ["texts=x", "numbers=[a]", "whole={}", "whole", "whole=[1"],
)
def test_values_of_another_type_are_refused(assignment: str) -> None:
    with pytest.raises(UserError):
        assigned(Everything(), [assignment])


def test_unknown_keys_name_the_nearest() -> None:
    with pytest.raises(UserError, match="Did you mean 'episodes_per_variation'"):
        load_config(None, ["collect.episode_per_variation=3"])
    with pytest.raises(UserError, match="Did you mean 'collect'"):
        load_config(None, ["colect.workers=3"])
    with pytest.raises(UserError, match="is a section"):
        load_config(None, ["collect=3"])


@pytest.mark.parametrize("text", ["- a\n- b\n", "collect: [", "colect:\n  workers: 1\n", "collect: 3\n", "\x00"])
def test_unusable_files_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(UserError):
        load_config(tmp_path / "bad.yaml")
    with pytest.raises(UserError, match="cannot be read"):
        load_config(tmp_path / "missing.yaml")


def test_how_fast_something_is_made_does_not_decide_what() -> None:
    one, two = (load_config(None, [f"collect.workers={count}"]) for count in (1, 2))
    assert one.settings("collect") == two.settings("collect")
    assert one.settings("collect") != load_config(None, ["collect.image_size=16"]).settings("collect")
