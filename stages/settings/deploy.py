"""Settings of `clap deploy`."""

from __future__ import annotations

from dataclasses import dataclass

from stages.settings.ranges import Count, NonNegative, Pixels, Port, Timeout, Whole


@dataclass(frozen=True)
class DeployConfig:
    """How a bundle is served and driven.

    Attributes:
        host: address the server listens on; the loopback address keeps it private to this machine.
        port: GemBench's challenge port by default.
        device: where the models run ("cpu", "cuda").
        max_request_mb: larger requests are refused [MiB].
        receive_seconds: time that the body of a request may take to arrive [s].
        max_rate: requests a second of one client, on average; 0 = any number.
        max_waiting: requests that wait while another is answered; more are refused.
        wait_seconds: that they wait at most [s].
        simulator: name for `make_simulator` when driving.
        image_size: side of the square camera images when driving [px].
        max_steps: motions at most when driving.
    """

    host: str = "127.0.0.1"
    port: Port = 13000
    device: str = "cpu"
    max_request_mb: Count = 64
    receive_seconds: Timeout = 30.0
    max_rate: NonNegative = 20.0
    max_waiting: Whole = 16
    wait_seconds: Timeout = 30.0
    simulator: str = "tabletop"
    image_size: Pixels = 128
    max_steps: Count = 25
