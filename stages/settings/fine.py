"""Settings of the fine-grained action predictor: what it sees, what it is made of, how it is trained."""

from __future__ import annotations

from dataclasses import dataclass

from stages.settings.ranges import Count, NonNegative, Pixels, Positive, Share, Views, Whole


@dataclass(frozen=True)
class FineConfig:
    """Lengths in metres, angles in degrees.

    Attributes:
        views: canonical views, keys of top, front, left, right, back; every axis must be seen by at least one.
        image_size: side of a view [px], a multiple of `patch`.
        extent: side of the cube around the keypoint that fills a view.
        voxel: clouds are thinned to one point per cube of this side.
        hide_hand: leave out the points of the hand itself, which would cover what it works on.
        image_encoders: "tiny" (built in, trained from scratch), or Hugging Face names or paths of SigLIP or DINOv2.
        tune_encoders: train the Hugging Face encoders as well instead of freezing them.
        text_encoder: "words" (built in), or a Hugging Face name or path of a SigLIP text model.
        patch: side of an image token [px], a power of two.
        width, depth, heads: of the multi-view transformer.
        base: whose weights training begins with: a folder that `clap pretrain-fine` or `clap train-fine` wrote; "" =
            none.
        steps: optimiser steps.
        minutes: stop earlier, with the learning rate at its end, after so many minutes of training; 0 = never.
        learning_rate, matrix_rate: peaks; the second is of the matrices inside the network, which Muon trains.
        weight_decay: of other matrices.
        ema: decay of the averaged weights, which are the ones saved.
        keypoint_jitter: standard deviation per axis of the planner's simulated error.
        keypoint_outliers: share of samples whose keypoint is off by up to `outlier_jitter` instead.
        turn: largest turn of the scene about the vertical through the keypoint, either way.
        gripper_jitter: standard deviation per axis of the given gripper position.
        finger_exchange: share of samples whose hand comes turned by half a turn about its approach axis.
        gripper_dropout, camera_dropout, word_dropout, point_dropout, next_dropout: shares left out while training; the
            last is of where the plan goes next.
        colour_jitter: standard deviation of the gain per colour channel.
        colour_shuffle: share of samples whose colour channels are exchanged, so that novel colours are no surprise.
        precision: of training: float32, bfloat16, or auto = bfloat16 where it is faster.
        checkpoint_seconds: time between checkpoints [s].
        threads: of torch; 0 = leave as it is.
    """

    views: Views = ("top", "front", "left")
    image_size: Pixels = 112
    extent: Positive = 0.48
    voxel: Positive = 0.004
    hide_hand: bool = True

    image_encoders: tuple[str, ...] = ("tiny",)
    tune_encoders: bool = False
    text_encoder: str = "words"
    patch: Count = 16
    width: Count = 128
    depth: Count = 4
    heads: Count = 4

    base: str = ""
    steps: Count = 1600
    minutes: NonNegative = 0.0
    batch_size: Count = 32
    learning_rate: Positive = 1e-3
    matrix_rate: Positive = 0.02
    weight_decay: NonNegative = 0.05
    warmup: Whole = 50
    ema: Share = 0.99
    checkpoint_seconds: NonNegative = 30.0
    threads: Whole = 0
    precision: str = "auto"

    keypoint_jitter: NonNegative = 0.02
    keypoint_outliers: Share = 0.1
    outlier_jitter: NonNegative = 0.06
    turn: NonNegative = 26.0
    gripper_jitter: NonNegative = 0.005
    finger_exchange: Share = 0.5
    gripper_dropout: Share = 0.1
    camera_dropout: Share = 0.1
    word_dropout: Share = 0.15
    point_dropout: Share = 0.1
    next_dropout: Share = 0.3
    colour_jitter: NonNegative = 0.1
    colour_shuffle: Share = 0.2
