"""Settings: defaults, files, assignments, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
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


def numbers(config: object, section: str = "") -> Iterator[str]:
    """The keys of all numbers of a settings object."""
    for entry in fields(config):
        value = getattr(config, entry.name)
        if is_dataclass(value):
            yield from numbers(value, f"{section}{entry.name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{section}{entry.name}"


@pytest.mark.parametrize("key", list(numbers(Config())))
@pytest.mark.parametrize("value", ["-1", ".nan", ".inf", "-.inf"])
def test_every_number_has_a_range(key: str, value: str) -> None:
    with pytest.raises(UserError, match=key):
        load_config(None, [f"{key}={value}"])


@pytest.mark.parametrize(
    "assignment",
    [
        "vlm.steps=0", "vlm.accumulate=0", "vlm.learning_rate=0", "vlm.batch_size=0", "vlm.image_size=0",
        "vlm.lora_rank=-1", "vlm.views=[]", "vlm.views=[top, top]", "fine.steps=0", "fine.extent=0",
        "collect.valid_fraction=1.5", "collect.taskvars=[push_button+0, push_button+0]", "deploy.port=65536",
        "evaluate.seeds=[]", "evaluate.seeds=[200, 200]", "evaluate.seeds=[-1]", "evaluate.max_steps=0",
        "evaluate.video_fps=0", "policy.replan_below=1.1", "seed=4294967296",
    ],
)  # fmt: skip
def test_values_out_of_range_are_refused(assignment: str) -> None:
    with pytest.raises(UserError, match=assignment.split("=")[0]):
        load_config(None, [assignment])


@pytest.mark.parametrize(("text", "value"), [("1e-4", 1e-4), ("1E-4", 1e-4), ("2.5e-3", 2.5e-3), (".5e-3", 5e-4)])
def test_numbers_with_an_exponent_are_numbers(tmp_path: Path, text: str, value: float) -> None:
    assert load_config(None, [f"vlm.learning_rate={text}"]).vlm.learning_rate == value
    (tmp_path / "settings.yaml").write_text(f"vlm:\n  learning_rate: {text}\n")
    assert load_config(tmp_path / "settings.yaml").vlm.learning_rate == value


def test_a_section_whose_keys_are_commented_out_is_empty(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text("vlm:\n  # steps: 3\nseed: 2\n")
    assert load_config(tmp_path / "settings.yaml") == Config(seed=2)


@pytest.mark.parametrize("text", ["seed: 1\nseed: 2\n", "vlm:\n  steps: 1\n  steps: 2\n", "vlm: {}\nvlm: {}\n"])
def test_a_key_given_twice_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "settings.yaml").write_text(text)
    with pytest.raises(UserError, match="given twice"):
        load_config(tmp_path / "settings.yaml")


def test_how_fast_something_is_made_does_not_decide_what() -> None:
    one, two = (load_config(None, [f"collect.workers={count}"]) for count in (1, 2))
    assert one.settings("collect") == two.settings("collect")
    assert one.settings("collect") != load_config(None, ["collect.image_size=16"]).settings("collect")
