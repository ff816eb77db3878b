"""Which precision a device is fast in."""

from __future__ import annotations

import torch


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether the hardware multiplies bfloat16 faster than float32.

    Of processors only those with matrix units do: where vector units alone know bfloat16 (avx512_bf16), its products
    were measured slower than float32's, and a training step took 1.2 to 1.4 times as long.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return bool(torch.cpu.get_capabilities().get("amx_bf16"))


def use_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether to compute in bfloat16: as asked, or for "auto" where the hardware multiplies it natively."""
    return precision == "bfloat16" or precision == "auto" and multiplies_bfloat16(device)


def autocast(device: torch.device, precision: str = "auto") -> torch.autocast:
    """bfloat16 as asked, or for "auto" where the device multiplies it in hardware."""
    return torch.autocast(device.type, torch.bfloat16, enabled=use_bfloat16(precision, device))
