"""Franka's arms with Franka's hand: every motion is checked, watched and verified, and any doubt stops the arm."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from stages.core.errors import UserError
from stages.geometry.arm import tip_in_base
from stages.geometry.poses import matrix_to_pose, pose_to_matrix, rotation_angle
from stages.robots.arm import LOOK_FIRST, ArmState
from stages.robots.deadlines import noted_interrupts
from stages.robots.franka_link import FrankaLink, NotPlanned
from stages.robots.kinematics import ArmKinematics
from stages.robots.rig import RobotSettings
from stages.robots.routes import Route, RouteFinder
from stages.settings.robot import RobotConfig

LOOK = 0.02
"""Time between looks at a motion [s]."""

STILL = 0.001
"""Movement of the hand below which it has not begun to move [m]."""

HAND_OFF = (0.005, np.radians(2))
"""Distance [m] and turn [rad] between the tip as the robot reports it and as its joints give it, at most."""

_STOP_SECONDS = 3.0
_REST = 0.001
"""Change of the fingers' distance between two looks below which they are at rest [m]."""


class FrankaArm:
    """`stages.robots.arm.Arm` through `franky-control`.

    Args:
        host: network address.
        settings: the robot's in the rig.
        config: how it is moved.

    Raises:
        UserError: it cannot be reached, is not ready, its hand is not Franka's, or the speed is not a share.
    """

    def __init__(self, host: str, settings: RobotSettings, config: RobotConfig | None = None) -> None:
        if not 0 < settings.speed <= 1:
            raise UserError(f"the robot's speed is {settings.speed}", "Give a share above 0 and up to 1")
        self.config = config or RobotConfig()
        self._doubt = ""
        self.on_state: Callable[[ArmState], None] = _nothing
        self._base = pose_to_matrix(settings.base.vector)
        kinematics = ArmKinematics(settings.model, self.config.joint_margin)
        self._routes = RouteFinder(kinematics, self._base, self.config.detours)
        self._commanded_open: bool | None = None
        self._link = FrankaLink(host, self.config.realtime, self.config.connect_seconds)
        try:
            self._make_ready(settings.speed)
        except BaseException:
            self._link.close()
            raise

    @property
    def doubt(self) -> str:
        """See `Arm`."""
        return self._doubt or self._link.lost

    def state(self) -> ArmState:
        """See `Arm.state`."""
        return self._note(self._link.ask(lambda: self._link.robot.state))

    def move(self, action: np.ndarray) -> str:
        """See `Arm.move`."""
        self._refuse_in_doubt()
        state = self._link.ask(lambda: self._link.robot.state)
        if problem := self._mode_problem(state):
            return problem
        route, problem = self._routes.find(action, np.array(state.q))
        if route is None:
            return problem
        self._in_doubt_stop(lambda: self._follow(route))
        self._actuate(bool(action[7] > 0.5))
        return ""

    def open_hand(self) -> None:
        """See `Arm.open_hand`."""
        self._refuse_in_doubt()
        self._actuate(True)

    def close_hand(self) -> None:
        """See `Arm.close_hand`."""
        self._refuse_in_doubt()
        self._actuate(False)

    def stop(self) -> None:
        """Stop arm and fingers, as far as they can still be reached."""
        for call in (self._link.robot.stop, self._await_stop, self._link.hand.stop):
            try:
                self._link.ask(call, _STOP_SECONDS)
            except UserError:
                continue

    def close(self) -> None:
        """Let go of the robot; an arm that still moves is stopped."""
        if self._link.robot is not None:
            if self._link.robot.is_in_control:
                self.stop()
            self._link.close()

    def _make_ready(self, speed: float) -> None:
        robot, hand = self._link.robot, self._link.hand
        if self._link.ask(lambda: robot.has_errors):
            self._link.ask(robot.recover_from_errors, self.config.connect_seconds)
        robot.relative_dynamics_factor = speed
        self._hand = self._link.ask(lambda: hand.state)
        self._max_width = float(self._hand.max_width)
        if self._max_width < 0.02:
            raise UserError("the robot's hand does not know how far it opens", "Home it in Desk")
        state = self._link.ask(lambda: robot.state)
        if problem := self._hand_problem(state):
            raise UserError(problem, "Set Franka's hand as the end effector in Desk")

    def _hand_problem(self, state: Any) -> str:
        """Why the tip is not where it must be at these joint angles."""
        reported, ours = np.array(state.O_T_EE.matrix), tip_in_base(np.array(state.q))
        apart = np.linalg.norm(reported[:3, 3] - ours[:3, 3])
        turned = rotation_angle(reported[:3, :3], ours[:3, :3])
        if apart <= HAND_OFF[0] and turned <= HAND_OFF[1]:
            return ""
        return f"the robot's end effector is {apart * 1000:.0f} mm and {np.degrees(turned):.0f} degrees off our tip"

    def _mode_problem(self, state: Any) -> str:
        """Why an arm must not be moved as it is; "" if it may."""
        if state.robot_mode != self._link.franky.RobotMode.Idle:
            return f"the robot is in mode {state.robot_mode.name}: release its buttons and unlock it"
        return f"the robot reports errors: {state.current_errors}" if self._link.robot.has_errors else ""

    def _follow(self, route: Route) -> None:
        """Go a way, wait until the arm is at rest, and see that it is where it was sent."""
        self._send(route)
        self._settle()
        off, turned = self._distance(route.pose)
        if off > self.config.position_tolerance or turned > self.config.rotation_tolerance:
            raise UserError(f"the hand is {off * 1000:.1f} mm and {turned:.1f} degrees off where it was sent")

    def _send(self, route: Route) -> None:
        """Send a motion; one that franky cannot plan is sent again, as nothing has moved."""
        start = self.state().tip_pose[:3]
        for last in (False, False, True):
            try:
                return self._watched(self._motion(route), route, start)
            except NotPlanned:
                if last or np.linalg.norm(self.state().tip_pose[:3] - start) > STILL:
                    raise
                time.sleep(self.config.settle_seconds)

    def _motion(self, route: Route) -> Any:
        """What franky is sent; it can be sent once."""
        franky = self._link.franky
        if not route.straight:
            return franky.JointMotion([float(joint) for joint in route.joints])
        goal = matrix_to_pose(np.linalg.inv(self._base) @ pose_to_matrix(route.pose))
        return franky.CartesianMotion(franky.Affine(goal[:3], goal[3:]))

    def _watched(self, motion: Any, route: Route, start: np.ndarray) -> None:
        """Wait until a motion has ended; raises, while it goes on, if there is any doubt or Ctrl-C was pressed."""
        robot, deadline = self._link.robot, time.monotonic() + self.config.motion_seconds
        with noted_interrupts() as interrupted, self._link.failures_in_words():
            robot.move(motion, asynchronous=True)
            while not robot.join_motion(0.0):
                tip = self._note(robot.state).tip_pose[:3]
                if interrupted():
                    raise KeyboardInterrupt
                if route.straight and _beside(tip, start, route.pose[:3]) > self.config.path_tolerance:
                    raise UserError("the hand has left its way")
                if time.monotonic() > deadline:
                    raise UserError(f"the motion has not ended within {self.config.motion_seconds:g} s")
                time.sleep(LOOK)

    def _settle(self) -> None:
        end = time.monotonic() + self.config.settle_seconds
        while time.monotonic() < end:
            self.state()
            time.sleep(LOOK)

    def _distance(self, pose: np.ndarray) -> tuple[float, float]:
        """How far the tip is from a pose (7,): [m], [degrees]."""
        here, there = pose_to_matrix(self.state().tip_pose), pose_to_matrix(pose)
        turned = np.degrees(rotation_angle(here[:3, :3], there[:3, :3]))
        return float(np.linalg.norm(here[:3, 3] - there[:3, 3])), float(turned)

    def _actuate(self, opened: bool) -> None:
        """Bring the fingers where they are to be, and see that they are there."""
        if opened != self._commanded_open:
            self._in_doubt_stop(lambda: self._move_fingers(opened))
            self._commanded_open = opened

    def _move_fingers(self, opened: bool) -> None:
        hand, config = self._link.hand, self.config
        if opened:
            done = self._link.ask(lambda: hand.move(self._max_width, config.gripper_speed), config.motion_seconds)
        else:
            reach = self._max_width
            grasp = (0.0, config.gripper_speed, config.grasp_force, reach, reach)
            done = self._link.ask(lambda: hand.grasp(*grasp), config.motion_seconds)
        if not done:
            raise UserError(f"the fingers did not {'open' if opened else 'close'}")
        first, width = self._width(), self._width()
        if abs(width - first) > _REST:
            raise UserError("the fingers do not come to rest")
        wide = width > self._max_width - config.width_tolerance
        if wide != opened:
            meant = f"open to {self._max_width * 1000:.0f} mm" if opened else "close"
            raise UserError(f"the fingers were to {meant} and are {width * 1000:.1f} mm apart")

    def _width(self) -> float:
        """Distance of the fingers a moment from now [m]."""
        time.sleep(0.1)
        self._hand = self._link.ask(lambda: self._link.hand.state)
        return float(self._hand.width)

    def _in_doubt_stop(self, act: Callable[[], None]) -> None:
        """Do something; whatever goes wrong, stop the robot, and send nothing any more."""
        try:
            act()
        except UserError as error:
            self._doubt = error.what
            self.stop()
            raise UserError(error.what, LOOK_FIRST) from error
        except BaseException as error:
            self._doubt = "interrupted" if isinstance(error, KeyboardInterrupt) else f"failed: {error!r}"
            self.stop()
            raise

    def _refuse_in_doubt(self) -> None:
        if self.doubt:
            raise UserError(self.doubt, LOOK_FIRST)

    def _await_stop(self) -> None:
        """Wait until a stopped motion has ended, whatever it ends with."""
        try:
            self._link.robot.join_motion(_STOP_SECONDS)
        except self._link.franky.ControlException:
            return

    def _note(self, state: Any) -> ArmState:
        """A state of the robot's as ours."""
        width = float(self._hand.width)
        noted = ArmState(
            tip_pose=matrix_to_pose(self._base @ np.array(state.O_T_EE.matrix)),
            joint_positions=np.array(state.q, float),
            joint_velocities=np.array(state.dq, float),
            gripper_open=float(np.clip(width / self._max_width, 0, 1)),
            width=width,
            time=state.time.to_sec(),
        )
        self.on_state(noted)
        return noted


def _beside(point: np.ndarray, start: np.ndarray, end: np.ndarray) -> float:
    """Distance of a point (3,) from a segment [m]."""
    way = end - start
    share = np.clip((point - start) @ way / max(way @ way, 1e-12), 0, 1)
    return float(np.linalg.norm(point - start - share * way))


def _nothing(state: ArmState) -> None:
    pass
