"""The fine-grained action predictor as a policy uses it: built, loaded, asked, saved."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import torch

from stages.core.errors import UserError
from stages.geometry.poses import quaternion_to_matrix
from stages.predictor.cloud import PointCloud
from stages.predictor.data import MotionExample, collate, hand_is_free, merged, prepare, views_at
from stages.predictor.decoding import Prediction, decode
from stages.predictor.encoders import build_vision_model, load_vision_model
from stages.predictor.text import load_text_encoder, save_text_encoder
from stages.predictor.transformer import MultiViewTransformer
from stages.runtime.devices import usable_device
from stages.settings.fine import FineConfig

FORMAT = "clap.fine"
VERSION = 4
WEIGHTS = "model.safetensors"
SETTINGS = "config.json"
TEXT = "text"

BASES = Path(__file__).parent / "weights"
SHIPPED: tuple[str, ...] = ()
"""Bases that are no folders, whatever lies in the working directory."""

ARCHITECTURE = ("views", "image_size", "extent", "image_encoders", "text_encoder", "patch", "width", "depth", "heads")
"""Settings in which a predictor and its base must be the same."""


class FinePredictor:
    """Predicts the gripper's next keyframe from a cloud, a keypoint and a step.

    Attributes:
        config: what it was built with.
        network: the transformer with its encoders.
    """

    def __init__(self, config: FineConfig, network: MultiViewTransformer, device: torch.device | str = "cpu") -> None:
        self.config = config
        self.network = network.to(device, memory_format=torch.channels_last)
        self.device = torch.device(device)

    @classmethod
    def create(cls, config: FineConfig, device: torch.device | str = "cpu") -> FinePredictor:
        """A predictor with the weights of its base, or an untrained one; Hugging Face encoders come with theirs.

        Raises:
            UserError: the settings do not fit together or to the base's, or name an unknown encoder or base.
        """
        names = [name for name in config.image_encoders if name != "tiny"]
        text = load_text_encoder(config.text_encoder, config.width)
        network = build_network(config, [load_vision_model(name) for name in names], text)
        if config.base:
            base = cls.from_pretrained(base_folder(config.base))
            check_same(config, base.config)
            network.load_state_dict(base.network.state_dict())
        return cls(config, network, device)

    @classmethod
    def from_pretrained(cls, folder: Path | str, device: torch.device | str = "cpu") -> FinePredictor:
        """The predictor that `save_pretrained` wrote to `folder`; needs nothing else.

        Raises:
            UserError: there is none, or it is damaged or of another version; or there is no such device.
        """
        device = usable_device(device)
        from safetensors.torch import load_file

        folder = Path(folder)
        saved = read_settings(folder)
        config = config_from_dict(saved["config"])
        text_name = str(folder / TEXT) if config.text_encoder != "words" else "words"
        text = load_text_encoder(text_name, config.width, weights=False)
        network = build_network(config, [build_vision_model(encoder) for encoder in saved["encoders"]], text)
        try:
            network.load_state_dict(load_file(folder / WEIGHTS), strict=True)
        except Exception as error:
            raise UserError(f"The weights in '{folder}' are missing or damaged", "Train the predictor again") from error
        network.eval()
        return cls(config, network, device)

    def save_pretrained(self, folder: Path | str, dtype: torch.dtype = torch.float32) -> None:
        """Write weights (safetensors, of a type) and settings into `folder`, which is made if needed."""
        from safetensors.torch import save_file

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        state = {name: value.to(dtype).contiguous().cpu() for name, value in self.network.state_dict().items()}
        save_file(state, folder / WEIGHTS, metadata={"format": "pt"})
        save_text_encoder(self.network.text, folder / TEXT)
        encoders = [encoder.model.config.to_dict() for encoder in self.network.pretrained]
        settings = {"format": FORMAT, "version": VERSION, "config": dataclasses.asdict(self.config)}
        (folder / SETTINGS).write_text(json.dumps(settings | {"encoders": encoders}, indent=2, sort_keys=True) + "\n")

    def predict(
        self,
        points: np.ndarray,
        colours: np.ndarray,
        keypoint: np.ndarray,
        step: str,
        motion_index: int,
        gripper_pose: np.ndarray,
        gripper_open: bool,
        next_keypoint: np.ndarray | None = None,
    ) -> Prediction:
        """The next keyframe.

        Args:
            points: (N, 3) cloud [m], world frame; all cameras together.
            colours: (N, 3) uint8.
            keypoint: (3,) [m] what the step is about.
            step: its text.
            motion_index: which motion of the step comes now, from 0.
            gripper_pose: (7,) of the gripper now.
            gripper_open: whether it is open.
            next_keypoint: (3,) [m] where the plan goes next; None = not known.
        """
        cloud = PointCloud(points.astype(np.float32), colours, np.zeros(len(points), np.uint8))
        pose, keypoint = np.asarray(gripper_pose, float), np.asarray(keypoint, float)
        cloud = prepare(cloud, keypoint, pose, self.config, reach=0.0)
        action = np.concatenate([pose, [gripper_open, 0]])
        example = MotionExample(cloud, keypoint, step, motion_index, pose, gripper_open, action, next_keypoint)
        return self.predict_examples([example])[0]

    @torch.inference_mode()
    def predict_examples(self, examples: list[MotionExample], batch_size: int = 16) -> list[Prediction]:
        """Predictions for prepared examples, whose actions are not looked at."""
        self.network.eval()
        predictions: list[Prediction] = []
        for start in range(0, len(examples), batch_size):
            batch = [merged(example, self.config) for example in examples[start : start + batch_size]]
            words = self.network.text.tokenize([example.step for example in batch])
            inputs, _ = collate(batch, words, self.config)
            outputs = self.network(inputs.to(self.device))
            free = [hand_is_free(example.step, example.gripper_open) for example in batch]
            views = [views_at(example.keypoint, self.config) for example in batch]
            predictions += decode(outputs, views, free, self._references(batch))
        return predictions

    def _references(self, examples: list[MotionExample]) -> np.ndarray:
        """Rotations (B, 3, 3) from which a free hand turns least: home, or the hand itself once a step has begun."""
        home = self.network.home.cpu().numpy()
        own = [quaternion_to_matrix(example.gripper_pose[3:]) for example in examples]
        return np.array([one if example.motion_index else home for one, example in zip(own, examples, strict=True)])


def base_folder(name: str) -> Path:
    """Where a base is: one that ships by its name, or a folder."""
    return BASES / name if name in SHIPPED else Path(name)


def check_same(config: FineConfig, base: FineConfig) -> None:
    """Refuse a base of another architecture.

    Raises:
        UserError: says in which setting they differ.
    """
    for name in ARCHITECTURE:
        own, its = getattr(config, name), getattr(base, name)
        if own != its:
            hint = f"Leave fine.{name} as it is, or train from nothing: --set fine.base="
            raise UserError(f"fine.{name} is {own}, but {its} in the base '{config.base}'", hint)


def build_network(config: FineConfig, pretrained: list[torch.nn.Module], text: torch.nn.Module) -> MultiViewTransformer:
    """The network that a configuration describes, around given encoders.

    Raises:
        UserError: the settings do not fit together.
    """
    check(config)
    return MultiViewTransformer(
        torch.tensor(views_at(np.zeros(3), config).axes),
        text,
        pretrained,
        tiny="tiny" in config.image_encoders,
        tune=config.tune_encoders,
        size=config.image_size,
        patch=config.patch,
        width=config.width,
        depth=config.depth,
        heads=config.heads,
    )


def check(config: FineConfig) -> None:
    """Refuse settings of which no network can be built.

    Raises:
        UserError: says which.
    """
    if config.patch < 8 or config.patch & (config.patch - 1):
        raise UserError(f"fine.patch is {config.patch}", "Use a power of two of at least 8")
    if config.image_size % config.patch:
        raise UserError(f"fine.image_size {config.image_size} is not a multiple of patch {config.patch}", "Change one")
    if config.width % config.heads:
        raise UserError(f"fine.width {config.width} is not a multiple of heads {config.heads}", "Change one")
    if not config.image_encoders:
        raise UserError("fine.image_encoders is empty", "Use tiny, or names or paths of SigLIP or DINOv2 models")
    try:
        axes = views_at(np.zeros(3), config).axes
    except KeyError as error:
        raise UserError(f"fine.views has no view {error}", "Use top, front, left, right or back") from error
    if not np.all(np.abs(axes[:, :2]).sum((0, 1))):
        raise UserError(f"fine.views {', '.join(config.views)} do not see all three axes", "Add another view")


def read_settings(folder: Path) -> dict:
    """The saved settings in a model folder.

    Raises:
        UserError: there are none, or of another format or version.
    """
    try:
        saved = json.loads((folder / SETTINGS).read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"'{folder}' holds no fine predictor", "Make one with: clap train-fine") from error
    if (saved.get("format"), saved.get("version")) != (FORMAT, VERSION):
        raise UserError(f"'{folder}' is no fine predictor of version {VERSION}", "Make one with: clap train-fine")
    return saved


def config_from_dict(values: dict) -> FineConfig:
    """Settings from JSON, whose lists are tuples here.

    Raises:
        UserError: the keys are not those of this version.
    """
    try:
        return FineConfig(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})
    except TypeError as error:
        raise UserError("The fine predictor's settings are of another version", "Train the predictor again") from error
