"""Which precision a device is fast in."""

from __future__ import annotations

import time
from functools import cache

import torch

GAIN = 1.4
"""By how much products in bfloat16 must be faster for a network of large products to train faster in it."""


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether the hardware multiplies bfloat16 so much faster than float32 that any network gains.

    Of processors only those with matrix units do: where vector units alone know bfloat16 (avx512_bf16), a training
    step of the small planner, which is many small products, was measured to take 1.15 to 1.4 times as long.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return bool(torch.cpu.get_capabilities().get("amx_bf16"))


def multiplies_large_bfloat16(device: torch.device) -> bool:
    """Whether a network whose time goes into large products gains by bfloat16.

    Processors with vector units for it are asked by the clock: on AMD's Zen 4 such products were measured 2.0 to 2.5
    times as fast as float32's, and the fine predictor's training step 1.5 times.
    """
    known = device.type == "cpu" and torch.cpu.get_capabilities().get("avx512_bf16")
    return multiplies_bfloat16(device) or bool(known) and products_gain() > GAIN


def use_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether to compute in bfloat16: as asked, or for "auto" where the hardware multiplies it natively."""
    return precision == "bfloat16" or precision == "auto" and multiplies_bfloat16(device)


def autocast(device: torch.device, precision: str = "auto") -> torch.autocast:
    """bfloat16 as asked, or for "auto" where the device multiplies it in hardware."""
    return torch.autocast(device.type, torch.bfloat16, enabled=use_bfloat16(precision, device))


@cache
def products_gain() -> float:
    """How many times as fast the processor multiplies bfloat16 as float32, the fastest of several tries of each."""
    seconds = {torch.float32: float("inf"), torch.bfloat16: float("inf")}
    for _ in range(8):
        for dtype in seconds:
            first, second = torch.ones(1024, 384, dtype=dtype), torch.ones(384, 384, dtype=dtype)
            began = time.perf_counter()
            first @ second
            seconds[dtype] = min(seconds[dtype], time.perf_counter() - began)
    return seconds[torch.float32] / seconds[torch.bfloat16]
