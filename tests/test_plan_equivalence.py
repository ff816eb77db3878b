"""Which plans count as the same."""

from __future__ import annotations

import pytest

from stages.core.plan_equivalence import same_plan
from stages.core.steps import Step, parse_step

NAMES = ["red block", "blue block", "green square", "shoe", "shoe", "shoe box lid", "maroon button", "cup", "tall cup"]

PLACE = (
    "grasp the red block",
    "lift the grasped red block",
    "move the grasped red block to the green square",
    "release the grasped red block at the green square",
)
OTHER = tuple(line.replace("red", "blue") for line in PLACE)
PUSH = "push the maroon button"
UNPACK = ("grasp the shoe", "lift the grasped shoe", "release the grasped shoe")


def steps(*lines: str) -> list[Step]:
    return [parse_step(line) for line in lines]


def same(plan: tuple[str, ...], reference: tuple[str, ...], ordered: bool = True) -> bool:
    """Whether two plans are the same, whichever is the reference."""
    there, back = (same_plan(steps(*a), steps(*b), NAMES, ordered) for a, b in ((plan, reference), (reference, plan)))
    assert there == back
    return there


class TestImpliedSteps:
    @pytest.mark.parametrize("left_out", [(), (1,), (2,), (1, 2)])
    def test_a_release_at_a_target_says_the_lift_and_the_move(self, left_out: tuple[int, ...]) -> None:
        assert same(tuple(line for k, line in enumerate(PLACE) if k not in left_out), PLACE)

    def test_the_grasp_and_the_release_have_to_be_said(self) -> None:
        assert not same(PLACE[1:], PLACE)
        assert not same(PLACE[:3], PLACE)

    def test_a_move_says_the_lift(self) -> None:
        assert same((PLACE[0], PLACE[2]), PLACE[:3])

    def test_a_lift_that_nothing_follows_counts(self) -> None:
        assert not same(PLACE[:1], PLACE[:2])

    def test_a_lift_before_a_release_at_no_target_counts(self) -> None:
        assert not same((UNPACK[0], UNPACK[2]), UNPACK)
        assert not same((UNPACK[0], UNPACK[2], *UNPACK), UNPACK * 2)

    def test_what_is_done_with_a_thing_taken_later_does_not_say_the_lift(self) -> None:
        assert not same((UNPACK[0], "release the grasped shoe", *PLACE), (*UNPACK, *PLACE))
        assert not same(("grasp the cup", *PLACE), ("grasp the cup", "lift the grasped cup", *PLACE))
        again = ("grasp the cup", "move the grasped cup to the green square")
        once = ("grasp the cup", "lift the grasped cup", "grasp the shoe")
        assert not same(("grasp the cup", "grasp the shoe", *again), (*once, *again))

    def test_other_steps_may_lie_between_the_lift_and_the_move(self) -> None:
        turned = "rotate the grasped red block"
        assert same((PLACE[0], turned, *PLACE[2:]), (*PLACE[:2], turned, *PLACE[2:]))

    def test_a_move_elsewhere_or_before_another_step_counts(self) -> None:
        elsewhere = "move the grasped red block to the cup"
        assert not same((*PLACE[:2], elsewhere, PLACE[3]), PLACE)
        assert not same((*PLACE[:2], elsewhere, *PLACE[2:]), PLACE)
        turned = (*PLACE[:3], "rotate the grasped red block", PLACE[3])
        assert not same((*turned[:2], *turned[3:]), turned)

    def test_a_release_at_no_target_does_not_say_the_move(self) -> None:
        assert not same((*PLACE[:2], "release the grasped red block"), (*PLACE[:3], "release the grasped red block"))


class TestNames:
    @pytest.mark.parametrize(
        ("phrase", "name"), [("button", "maroon button"), ("square", "green square"), ("box lid", "shoe box lid")]
    )
    def test_a_part_of_one_name_only_is_that_thing(self, phrase: str, name: str) -> None:
        assert same((f"push the {phrase}",), (f"push the {name}",))
        assert same((f"slide the red block to the {phrase}",), (f"slide the red block to the {name}",))

    @pytest.mark.parametrize(
        ("phrase", "name"),
        [("block", "red block"), ("cup", "tall cup"), ("navy button", "maroon button"), ("big cup", "cup")],
    )
    def test_other_phrases_are_not(self, phrase: str, name: str) -> None:
        assert not same((f"push the {phrase}",), (f"push the {name}",))

    def test_a_phrase_that_is_a_name_is_that_thing_though_longer_names_have_its_words(self) -> None:
        assert same(("push the shoe",), ("push the shoe",)) and not same(("push the shoe",), ("push the shoe box lid",))

    def test_a_handle_is_the_thing_that_has_it(self) -> None:
        names = ["drawer", "drawer handle"]
        assert same_plan([Step("push", "drawer handle")], [Step("push", "drawer")], names)

    def test_a_name_that_several_things_have_is_one(self) -> None:
        assert same_plan([Step("push", "left")], [Step("push", "left shoe")], ["left shoe", "left shoe"])

    @pytest.mark.parametrize("phrase", ["block", "spoon"])
    def test_what_names_nothing_is_only_itself(self, phrase: str) -> None:
        assert same((f"push the {phrase}",), (f"push the {phrase}",))

    def test_implied_steps_are_found_by_the_thing_that_is_meant(self) -> None:
        assert same((*PLACE[:2], PLACE[2].replace("green ", ""), PLACE[3]), PLACE)

    def test_no_target_is_no_name(self) -> None:
        release, at = Step("release", "cup"), Step("release", "cup", "cup")
        assert not same_plan([release], [at], ["cup"]) and same_plan([release], [release], ["cup"])


class TestOrder:
    def test_blocks_in_another_order(self) -> None:
        there, back = (*PLACE, PUSH, *OTHER), (*OTHER, *PLACE, PUSH)
        assert same(there, back, ordered=False) and not same(there, back)

    def test_steps_stay_in_their_block(self) -> None:
        mixed = (*PLACE[:2], *OTHER, *PLACE[2:])
        assert not same(mixed, (*PLACE, *OTHER), ordered=False)
        turned, pulled = "rotate the grasped cup", "pull the grasped cup"
        assert not same(("grasp the cup", turned, pulled), ("grasp the cup", pulled, turned), ordered=False)

    def test_every_block_counts_as_often_as_it_comes(self) -> None:
        assert not same((PUSH, PUSH, *PLACE), (PUSH, *PLACE), ordered=False)
        assert same((*UNPACK, PUSH, *UNPACK), (PUSH, *UNPACK * 2), ordered=False)

    def test_slides_and_what_comes_before_any_beginning_are_blocks(self) -> None:
        slide, loose = "slide the red block to the green square", "rotate the grasped cup"
        assert same((slide, PUSH), (PUSH, slide), ordered=False)
        assert not same((loose, PUSH), (PUSH, loose), ordered=False)

    @pytest.mark.parametrize("ordered", [True, False])
    def test_nothing_is_nothing(self, ordered: bool) -> None:
        assert same((), (), ordered) and not same((), (PUSH,), ordered)
