"""The connection with a Franka robot through the package `franky-control`, every failure in words for people."""

from __future__ import annotations

import importlib
import ipaddress
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Literal, NoReturn, TypeVar

from stages.core.errors import UserError
from stages.robots.deadlines import TooLate, in_time

INSTALL = "pip install 'clap-policy[franka]'"

REPLY_SECONDS = 3.0
"""Time that the robot has to tell its state [s]; franky itself waits 1 s."""

Result = TypeVar("Result")


class NotPlanned(UserError):
    """franky found no trajectory to a goal that can be reached, as it sometimes does from a trembling start."""


class FrankaLink:
    """A robot and its hand.

    Args:
        host: network address.
        realtime: see `RobotConfig`.
        seconds: time that it has to answer [s].

    Attributes:
        franky: the package.
        robot, hand: its objects.
        lost: why nothing can be asked any more; "" = it answers.

    Raises:
        UserError: the package is not installed, or the robot or its hand cannot be reached.
    """

    def __init__(self, host: str, realtime: Literal["auto", "enforce", "ignore"], seconds: float) -> None:
        self.host, self.franky, self.lost = host, _package(), ""
        ignore = realtime == "ignore" or realtime == "auto" and _is_loopback(host)
        kind = self.franky.RealtimeConfig.Ignore if ignore else self.franky.RealtimeConfig.Enforce
        self.robot: Any = self._connected(lambda: self.franky.Robot(host, realtime_config=kind), seconds)
        self.hand: Any = self._connected(lambda: self.franky.Gripper(host), seconds)

    def ask(self, call: Callable[[], Result], seconds: float = REPLY_SECONDS) -> Result:
        """What a call answers.

        Raises:
            UserError: it fails, or takes longer.
        """
        if self.lost:
            raise UserError(self.lost)
        with self.failures_in_words():
            try:
                return in_time(call, seconds)
            except TooLate:
                self.lost = f"the robot at {self.host} has not answered for {seconds:g} s"
                raise UserError(self.lost) from None

    @contextmanager
    def failures_in_words(self) -> Iterator[None]:
        """Make what franky raises one line.

        Raises:
            NotPlanned: the robot has not begun to move.
        """
        try:
            yield
        except RuntimeError as error:
            if "planner" in str(error):
                raise NotPlanned(f"the robot's motion could not be planned: {_text(error)}") from error
            self._lose(error)  # what libfranka's own sockets raise
        except self.franky.NetworkException as error:
            self._lose(error)
        except self.franky.Exception as error:
            raise UserError(f"the robot at {self.host} reports: {_text(error)}") from error

    def _lose(self, error: Exception) -> NoReturn:
        self.lost = f"the connection with the robot at {self.host} is lost: {_text(error)}"
        raise UserError(self.lost) from error

    def close(self) -> None:
        """Let go of the robot."""
        self.robot = self.hand = None

    def _connected(self, connect: Callable[[], Result], seconds: float) -> Result:
        franky = self.franky
        try:
            return in_time(connect, seconds)
        except TooLate:
            what = f"the robot at {self.host} has not answered for {seconds:g} s"
            raise UserError(what, "End other programs that are connected with it, and check its address") from None
        except franky.RealtimeException as error:
            hint = "Use a real-time kernel, or risk jerks with --set robot.realtime=ignore"
            raise UserError("this machine's kernel is not a real-time one", hint) from error
        except franky.IncompatibleVersionException as error:
            hint = "Install the franky-control that is built for the robot's system version"
            raise UserError(f"the robot at {self.host} speaks another version: {_text(error)}", hint) from error
        except franky.Exception as error:
            hint = "Check the address, the cable, and that FCI is activated in Desk"
            raise UserError(f"no robot can be reached at {self.host}: {_text(error)}", hint) from error


def _package() -> ModuleType:
    try:
        return importlib.import_module("franky")
    except ModuleNotFoundError as error:
        raise UserError("Franka robots need the package franky-control", f"Install it with `{INSTALL}`") from error


def _is_loopback(host: str) -> bool:
    """Whether a robot is a simulated one on this machine, which needs no real-time kernel."""
    try:
        return ipaddress.ip_address(socket.gethostbyname(host)).is_loopback
    except (OSError, UnicodeError):
        return False


def _text(error: Exception) -> str:
    return str(error).removeprefix("libfranka: ").rstrip(".! ")
