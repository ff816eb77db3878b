"""Muon: momentum whose matrices are made orthogonal, for the weights inside a network.

After K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024). `torch.optim.Muon` takes
matrices alone, while here kernels of convolutions count as matrices of their outputs, and it iterates in bfloat16,
which processors without such units emulate.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic iteration of Newton and Schulz."""

ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """Args:
    parameters: of at least two axes, the first that of the outputs.
    lr: learning rate; an update has a root mean square of about lr / sqrt(largest axis).
    momentum: of Nesterov's kind.
    weight_decay: decoupled, times the learning rate.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], lr: float, momentum: float = 0.95, weight_decay: float = 0.01
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Update every parameter that has a gradient; a closure is not supported."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group["lr"], group["momentum"], group["weight_decay"])

    def _update(self, parameter: Tensor, rate: float, momentum: float, decay: float) -> None:
        state = self.state[parameter]
        velocity = state.setdefault("velocity", torch.zeros_like(parameter))
        velocity.mul_(momentum).add_(parameter.grad)
        direction = orthogonal((parameter.grad + momentum * velocity).flatten(1))
        rows, columns = direction.shape
        parameter.mul_(1 - rate * decay)
        parameter.add_(direction.view_as(parameter), alpha=-rate * max(1.0, rows / columns) ** 0.5)


def orthogonal(matrix: Tensor) -> Tensor:
    """About the nearest matrix whose singular values are all 1: (R, C) of the same."""
    a, b, c = COEFFICIENTS
    upright = matrix.shape[0] > matrix.shape[1]
    found = matrix.T if upright else matrix
    found = found / (found.norm() + 1e-7)
    for _ in range(ITERATIONS):
        square = found @ found.T
        found = a * found + (b * square + c * square @ square) @ found
    return found.T if upright else found


def takes(name: str, parameter: Tensor) -> bool:
    """Whether a parameter is one of the weights inside a network: no bias, norm or position, not of the first layer."""
    return parameter.ndim >= 2 and "place" not in name and "stem" not in name
