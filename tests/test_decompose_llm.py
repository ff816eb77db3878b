"""Plans by a language model: always well-formed, aligned to what the hand did, refused where it did something else."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import clap_here
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaTokenizer,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from stages.artifacts.annotations import Plans
from stages.artifacts.demonstrations import Demonstrations
from stages.artifacts.episode import Episode
from stages.artifacts.files import content_digest
from stages.core.errors import UserError
from stages.core.steps import parse_step
from stages.decompose import decompose, decompose_episode
from stages.decomposition.alignment import Aligner
from stages.decomposition.language_model import LanguageModel
from stages.decomposition.motions import describe_motions
from stages.decomposition.prompt import EXAMPLES, conversation, episode_request
from stages.decomposition.writer import PlanWriter
from stages.planner.language.grammar import PlanGrammar, phrases_of
from stages.planner.language.plan_text import read_plan, write_plan
from stages.settings.decompose import DecomposeConfig
from stages.settings.loader import load_config
from stages.simulators.tabletop.tasks import every_variation, make_task
from tests.checkpoints import SIZES, chat_tokenizer

PUSH, PICK = 0, 1
"""Episodes of the tiny run."""

LIFTED = ("grasp the red block", "lift the grasped red block", "move the grasped red block to the red ball")


@pytest.fixture(scope="module")
def episodes(tiny_run: Path) -> list[Episode]:
    with Demonstrations(tiny_run / "demos.h5") as demos:
        return [demos.episode(index, images=False) for index in range(len(demos))]


@pytest.fixture(scope="module")
def texts(episodes: list[Episode]) -> list[str]:
    """What tokenizers are trained on: everything that is said in questions and in the rules' plans."""
    said = [turn for episode in episodes for turn in conversation(episode_request(episode))]
    return said + [step for episode in episodes for step in episode.steps]


def sentence_piece_tokenizer(texts: Sequence[str]) -> LlamaTokenizer:
    """SentencePiece BPE with byte fallback and without a chat template, as Llama 2 has: words begin with a '▁'."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    lines = [line for text in texts for line in text.splitlines()]
    tokenizer.train_from_iterator(
        lines, trainers.BpeTrainer(vocab_size=1500, special_tokens=["<unk>", "<s>", "</s>"], show_progress=False)
    )
    model = json.loads(tokenizer.to_str())["model"]
    vocabulary = model["vocab"] | {f"<0x{byte:02X}>": len(model["vocab"]) + byte for byte in range(256)}
    return LlamaTokenizer(vocab=vocabulary, merges=[tuple(merge) for merge in model["merges"]])


@pytest.fixture(scope="module")
def checkpoints(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Random models of real classes with their tokenizers, saved as a user's checkpoint would be."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models")
    chat, pieces = chat_tokenizer(texts), sentence_piece_tokenizer(texts)
    chat.save_pretrained(folder / "qwen")
    Qwen2ForCausalLM(Qwen2Config(vocab_size=len(chat), **SIZES)).save_pretrained(folder / "qwen")
    pieces.save_pretrained(folder / "llama")
    LlamaForCausalLM(LlamaConfig(vocab_size=len(pieces), **SIZES)).save_pretrained(folder / "llama")
    chat.save_pretrained(folder / "short")
    short = Qwen2Config(vocab_size=len(chat), **SIZES | {"max_position_embeddings": 64})
    Qwen2ForCausalLM(short).save_pretrained(folder / "short")
    chat.save_pretrained(folder / "blind")
    (folder / "blind" / "config.json").write_text('{"model_type": "t5"}')
    return {name: folder / name for name in ("qwen", "llama")}


@pytest.mark.parametrize("name", ["qwen", "llama"])
class TestGrammar:
    def test_whatever_the_weights_the_plan_is_well_formed(
        self, name: str, checkpoints: dict[str, Path], episodes: list[Episode]
    ) -> None:
        model = LanguageModel.load(str(checkpoints[name]))
        for episode in episodes[:2]:
            phrases = phrases_of(episode.instruction) | frozenset(episode.objects.names)
            turns = conversation(episode_request(episode))
            plan = model.write_plan(turns, phrases, max_steps=len(episode))
            assert 1 <= len(plan) <= len(episode)
            steps = [parse_step(line) for line in plan]
            assert [str(step) for step in steps] == plan
            assert {phrase for step in steps for phrase in step.phrases} <= phrases
            assert model.write_plan(turns, phrases, max_steps=len(episode)) == plan

    def test_every_true_plan_can_be_said(self, name: str, checkpoints: dict[str, Path]) -> None:
        tokenizer = AutoTokenizer.from_pretrained(checkpoints[name])
        lines = [*LIFTED, "push the maroon button"] * 3
        plan = write_plan([parse_step(line) for line in lines])
        tokens = tokenizer(plan, add_special_tokens=False)["input_ids"]
        grammar = PlanGrammar(tokenizer, {phrase for line in lines for phrase in parse_step(line).phrases}, end=2)
        for token in tokens:
            assert token in grammar.allowed()
            grammar = grammar.advance(token)
        assert 2 in grammar.allowed()
        assert [str(step) for step in read_plan(tokenizer.decode(tokens))] == lines


class TestAlignment:
    def align(self, episode: Episode, *plan: str) -> tuple[list[int], str]:
        found = Aligner(episode, episode.targets, DecomposeConfig())(plan)
        assert found.ok == (not found.problem)
        return found.step_index.tolist(), found.problem

    def test_the_rules_plans_are_found_again(self, episodes: list[Episode]) -> None:
        for episode in episodes:
            rules = decompose_episode(episode, DecomposeConfig())
            found = Aligner(episode, episode.targets, DecomposeConfig())(rules.plan)
            assert found.ok and found.plan == rules.plan
            np.testing.assert_array_equal(found.step_index, rules.step_index)
            np.testing.assert_array_equal(found.motion_index, rules.motion_index)

    def test_a_line_said_twice_counts_once(self, episodes: list[Episode]) -> None:
        assert self.align(episodes[PUSH], *["push the maroon button"] * 2) == ([0, 0], "")

    @pytest.mark.parametrize(
        ("plan", "problem"),
        [
            (LIFTED[:2], "'lift the grasped red block' has a motion whose keypoint is not at the red block"),
            (LIFTED[1:], "comes without a grasp"),
            ((*LIFTED[:2], "release the grasped red block at the red ball"), "ends with a closed gripper"),
            (("push the red block",), "has a motion whose keypoint is not at the red block"),
            (("grasp the blue cup", "lift the grasped blue cup"), "speaks of the blue cup"),
            (
                ("grasp the red ball", "lift the grasped red ball", "slide the red block to the red ball"),
                "away from it",
            ),
            (("grasp the red block", "rotate the grasped red block", LIFTED[2]), "does not turn"),
            ((LIFTED[0], LIFTED[2], LIFTED[1]), "has a motion whose keypoint is not at the red ball"),
            ((LIFTED[0], *LIFTED * 2), "6 steps do not explain 4 motions"),
            ((), "0 steps do not explain 4 motions"),
        ],
    )
    def test_what_the_hand_did_not_do_is_refused(
        self, episodes: list[Episode], plan: tuple[str, ...], problem: str
    ) -> None:
        assert problem in self.align(episodes[PICK], *plan)[1]

    def test_failed_episodes_are_refused(self, episodes: list[Episode]) -> None:
        assert "did not succeed" in self.align(replace(episodes[PICK], success=False), *LIFTED)[1]

    def test_a_plan_about_things_elsewhere_is_refused(self, episodes: list[Episode]) -> None:
        episode = episodes[PICK]
        moved = episode.objects.positions + np.array([0.3, 0.0, 0.0])
        assert "away" in self.align(replace(episode, objects=replace(episode.objects, positions=moved)), *LIFTED)[1]


class TestPrompt:
    def test_motions_in_words(self, episodes: list[Episode]) -> None:
        near, closing, rising, across = describe_motions(episodes[PICK])
        assert re.fullmatch(r"\d+ cm across, \d+ cm down, turns \d+ degrees, 8 cm from the red block", near)
        assert re.match("8 cm down, closes, holds the red block, ", closing)
        assert re.match("16 cm up, holds the red block, ", rising)
        assert re.match(r"\d+ cm across, \d+ cm up, holds the red block, 0 cm from the red ball", across)
        pressing = describe_motions(episodes[PUSH])
        assert "closes, 6 cm from the maroon button" in pressing[0] and "holds" not in "".join(pressing)

    def test_letting_go(self, episodes: list[Episode]) -> None:
        seen = list(episodes[PICK].observations)
        seen[4] = replace(seen[4], gripper_open=1.0)
        released = describe_motions(replace(episodes[PICK], observations=tuple(seen)))[3]
        assert "opens, lets go of the red block, 0 cm from the red ball" in released

    def test_the_question(self, episodes: list[Episode]) -> None:
        turns = conversation(episode_request(episodes[PICK]))
        assert len(turns) == 2 * len(EXAMPLES) + 1
        assert "push the ..." in turns[0] and "release it at the ..." in turns[0] and "hang the lantern" in turns[0]
        assert f"Task: {episodes[PICK].instruction}\n" in turns[-1] and turns[-1].count("\n4. ") == 1

    def test_examples_are_about_other_things(self) -> None:
        told = [text for pair in every_variation() for text in make_task(*pair).instructions()]
        words = {word for text in told for word in text.lower().split()}
        for _, plan in EXAMPLES:
            named = {word for line in plan for phrase in parse_step(line).phrases for word in phrase.split()}
            assert named and not named & words


def teach(folder: Path, checkpoint: Path, answers: Sequence[tuple[Episode, Sequence[str]]]) -> None:
    """Train a checkpoint until it gives the answers, and save it."""
    model, tokenizer = Qwen2ForCausalLM.from_pretrained(checkpoint), AutoTokenizer.from_pretrained(checkpoint)
    sequences, labels = [], []
    for episode, plan in answers:
        turns = conversation(episode_request(episode))
        messages = [{"role": ("user", "assistant")[n % 2], "content": turn} for n, turn in enumerate(turns)]
        prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        answer = write_plan([parse_step(line) for line in plan]) + "<|im_end|>"
        question, said = (tokenizer(text)["input_ids"] for text in (prompt, answer))
        sequences.append(torch.tensor([question + said]))
        labels.append(torch.tensor([[-100] * len(question) + said]))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = [torch.inf] * len(answers)
    for step in range(400):
        which = step % len(answers)
        loss = model(input_ids=sequences[which], labels=labels[which]).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses[which] = loss.item()
        if max(losses) < 0.1:
            break
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@pytest.fixture(scope="module")
def taught(checkpoints: dict[str, Path], episodes: list[Episode], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that plans the pushing rightly and leaves out of the picking what it does at the end."""
    folder = tmp_path_factory.mktemp("models") / "taught"
    pushing = ("push the maroon button",)
    teach(folder, checkpoints["qwen"], [(e, LIFTED[:2] if e.task == "pick_and_lift" else pushing) for e in episodes])
    return folder


def by_model(run: Path, tiny_run: Path, model: Path | str, *options: str) -> list[str | Path]:
    """`clap decompose` of the tiny run's demonstrations by a model, into another run."""
    inputs = ("--demos", tiny_run / "demos.h5", "--keypoints", tiny_run / "keypoints.h5")
    return ["decompose", "--run", run, "--mode", "llm", "--model", str(model), *inputs, *options]


class TestStage:
    def test_a_models_plans_are_accepted_where_the_hand_did_that_and_refused_elsewhere(
        self, tiny_run: Path, taught: Path, tmp_path: Path
    ) -> None:
        summary = clap_here(*by_model(tmp_path, tiny_run, taught, "--json")).json
        assert summary["episodes"] == 4 and summary["ok"] == summary["agreeing"] == 2
        assert summary["fallen_back"] == 0 and summary["same_as_rules"] == 0.5
        said = {tuple(difference["model"]): difference for difference in summary["differences"]}
        assert set(said) == {LIFTED[:2]} and tuple(said[LIFTED[:2]]["rules"]) == LIFTED
        assert "keypoint is not at the red block" in said[LIFTED[:2]]["problem"]
        assert sum(summary["problems"].values()) == 2
        with Plans(tmp_path / "plans.h5", tiny_run / "demos.h5") as plans:
            assert plans.episode(PUSH).ok and plans.episode(PUSH).step_index.tolist() == [0, 0]
            assert not plans.episode(PICK).ok and plans.episode(PICK).plan == LIFTED[:2]
        shown = clap_here(*by_model(tmp_path, tiny_run, taught, "--resume"))
        assert shown.code == 0 and "the model says" in shown.out

    def test_falling_back_on_the_rules(self, tiny_run: Path, taught: Path, tmp_path: Path) -> None:
        summary = clap_here(*by_model(tmp_path, tiny_run, taught, "--fall-back-on-rules", "--json")).json
        assert summary["ok"] == 4 and summary["agreeing"] == summary["fallen_back"] == 2 and not summary["problems"]
        with Plans(tmp_path / "plans.h5") as plans, Plans(tiny_run / "plans.h5") as rules:
            for index in range(4):
                assert plans.episode(index).plan == rules.episode(index).plan

    def test_interrupted_asking_goes_on(self, tiny_run: Path, checkpoints: dict[str, Path], tmp_path: Path) -> None:
        config = load_config(None, ["decompose.mode=llm", f"decompose.model={checkpoints['qwen']}"])
        inputs = tiny_run / "demos.h5", tiny_run / "keypoints.h5"

        def interrupt(done: int, total: int, what: str) -> None:
            if done == 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            decompose(config, *inputs, tmp_path / "plans.h5", progress=interrupt)
        answers = tmp_path / "plans.h5.partial" / "answers.json"
        assert len(json.loads(answers.read_text())) == 2 and not (tmp_path / "plans.h5").exists()
        with pytest.raises(UserError, match="begun"):
            decompose(config, *inputs, tmp_path / "plans.h5")
        resumed = decompose(config, *inputs, tmp_path / "plans.h5", resume=True)
        assert resumed["questions"] >= 2 and not answers.exists()
        decompose(config, *inputs, tmp_path / "whole.h5")
        assert content_digest(tmp_path / "plans.h5") == content_digest(tmp_path / "whole.h5")

    def test_a_question_is_asked_once(
        self, checkpoints: dict[str, Path], episodes: list[Episode], tmp_path: Path
    ) -> None:
        file = tmp_path / "answers.json"
        writer = PlanWriter(LanguageModel.load(str(checkpoints["qwen"])), file)
        plan = writer(episodes[PUSH])
        assert writer(replace(episodes[PUSH], seed=99)) == plan and writer.asked == 1
        file.write_text(file.read_text().replace(plan[0], "push the kept answer"))
        again = PlanWriter(LanguageModel.load(str(checkpoints["qwen"])), file)
        assert again(episodes[PUSH])[0] == "push the kept answer"
        again(replace(episodes[PUSH], instruction="press it"))
        assert again.asked == 2

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (["--mode", "lm"], ["no decompose.mode 'lm'", "Did you mean 'llm'"]),
            (["--mode", "llm"], ["needs a language model", "--model"]),
            (["--model", "some/model"], ["ask no language model", "--mode llm"]),
            (["--mode", "llm", "--model", "{models}/qwne"], ["no causal language model", "Did you mean", "models"]),
            (["--mode", "llm", "--model", "{models}/blind"], ["no causal language model", "t5"]),
            (["--mode", "llm", "--model", "{models}/short"], ["reads 64 tokens", "longer context"]),
        ],
    )
    def test_what_cannot_be_asked_is_refused_in_one_sentence(
        self,
        tiny_run: Path,
        checkpoints: dict[str, Path],
        tmp_path: Path,
        options: list[str],
        words: list[str],
    ) -> None:
        folder = checkpoints["qwen"].parent
        inputs = ("--demos", tiny_run / "demos.h5", "--keypoints", tiny_run / "keypoints.h5")
        outcome = clap_here("decompose", "--run", tmp_path, *[o.format(models=folder) for o in options], *inputs)
        assert outcome.code != 0 and outcome.out == ""
        message = " ".join(outcome.err.split())
        assert all(word in message for word in words), message
        assert "Traceback" not in message and not (tmp_path / "plans.h5").exists()
