"""The ray casting renderer against closed forms and MuJoCo's own ray test."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from stages.geometry.cameras import intrinsics_from_fov, look_at, pixel_rays
from stages.simulators.tabletop.renderer import Renderer

SIZE = (96, 128)
INTRINSICS = intrinsics_from_fov(np.deg2rad(40), *SIZE)
CAMERA = look_at(np.array([1.3, 0.2, 1.1]), np.zeros(3))

EVERY_SHAPE = """
<mujoco><worldbody>
  <geom type="plane" size="0 0 .1"/>
  <geom type="box" size=".03 .02 .05" pos=".1 -.2 .05" euler="0 0 30"/>
  <body pos="0 .2 .08"><freejoint/><geom type="cylinder" size=".04 .05"/></body>
  <body pos=".2 .1 .2"><freejoint/><geom type="capsule" size=".02 .05"/></body>
  <body pos="-.1 0 .1"><freejoint/><geom type="ellipsoid" size=".03 .05 .02"/><geom size=".02" pos="0 0 .06"/></body>
</worldbody></mujoco>"""


def scene(geoms: str) -> tuple[mujoco.MjModel, mujoco.MjData]:
    whole = geoms if "<mujoco>" in geoms else f"<mujoco><worldbody>{geoms}</worldbody></mujoco>"
    model = mujoco.MjModel.from_xml_string(whole)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return model, data


def picture(geoms: str, camera: np.ndarray = CAMERA, **options) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    model, data = scene(geoms)
    ids = np.arange(1, model.ngeom + 1)
    return Renderer(model, ids, **options).render(data, camera, INTRINSICS, SIZE)


def ray_depths(model: mujoco.MjModel, data: mujoco.MjData, camera: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Depth and geom + 1 of every pixel by mj_ray."""
    directions = pixel_rays(INTRINSICS, *SIZE) @ camera[:3, :3].T
    depth, geom = np.zeros(SIZE), np.zeros(SIZE, int)
    hit = np.zeros(1, np.int32)
    groups = np.uint8([1, 1, 1, 0, 0, 0])
    for pixel in np.ndindex(SIZE):
        length = mujoco.mj_ray(model, data, camera[:3, 3], directions[pixel], groups, 1, -1, hit, None)
        depth[pixel], geom[pixel] = max(length, 0), hit[0] + 1
    return depth, geom


def test_sphere_depth_and_outline() -> None:
    radius, camera = 0.05, look_at(np.array([0.6, 0.0, 0.3]), np.array([0.0, 0.02, 0.0]))
    _, depth, mask = picture(f'<geom size="{radius}"/>', camera)
    rays = pixel_rays(INTRINSICS, *SIZE) @ camera[:3, :3].T
    a, b = (rays**2).sum(-1), rays @ camera[:3, 3]
    root = b**2 - a * (camera[:3, 3] @ camera[:3, 3] - radius**2)
    exact = (-b - np.sqrt(np.maximum(root, 0))) / a
    inside, outside = root > 0.3 * root.max(), root < 0
    assert inside.sum() > 200
    np.testing.assert_allclose(depth[inside], exact[inside], atol=1e-4)
    assert np.all(mask[inside] == 1) and not mask[outside].any() and not depth[outside].any()


def test_plane_depth_is_along_the_optical_axis() -> None:
    camera = look_at(np.array([0.0, 0.0, 1.25]), np.zeros(3), up=(1, 0, 0))
    _, depth, mask = picture('<geom type="plane" size="0 0 .1"/>', camera)
    np.testing.assert_allclose(depth, 1.25, atol=1e-5)
    assert np.all(mask == 1)


def test_box_fills_exactly_its_pixels() -> None:
    camera = look_at(np.array([0.0, 0.0, 1.0]), np.zeros(3), up=(1, 0, 0))
    _, depth, mask = picture('<geom type="box" size=".103 .051 .2"/>', camera)
    ray = pixel_rays(INTRINSICS, *SIZE) * 0.8
    top = (np.abs(ray[..., 1]) < 0.103) & (np.abs(ray[..., 0]) < 0.051)
    np.testing.assert_array_equal(mask == 1, top)
    np.testing.assert_allclose(depth[top], 0.8, atol=1e-6)


@pytest.mark.parametrize("camera", [CAMERA, look_at(np.array([-0.1, 0.2, 0.5]), np.array([0.1, 0.0, 0.05]))])
def test_every_shape_agrees_with_mujoco_rays(camera: np.ndarray) -> None:
    model, data = scene(EVERY_SHAPE)
    rng = np.random.default_rng(0)
    renderer = Renderer(model, np.arange(1, model.ngeom + 1))
    for _ in range(2):
        for quaternion in data.qpos.reshape(-1, 7)[:, 3:]:
            quaternion[:] = rng.normal(size=4)
        mujoco.mj_normalizeQuat(model, data.qpos)
        mujoco.mj_kinematics(model, data)
        _, depth, mask = renderer.render(data, camera, INTRINSICS, SIZE)
        exact, geom = ray_depths(model, data, camera)
        same = mask == geom
        assert same.mean() > 0.995
        assert len(np.unique(mask)) >= 5
        near = same & (exact < 5)
        assert np.quantile(np.abs(depth - exact)[near], 0.99) < 1e-4
        assert np.abs(depth - exact)[near].max() < 2e-3  # grazing rays at the facets of round things


def test_meshes_are_drawn_where_mujoco_puts_them() -> None:
    points = " ".join(f"{x} {y} {z}" for x in (0, 0.2) for y in (0, 0.1) for z in (0, 0.15))
    model, data = scene(
        f'<mujoco><asset><mesh name="m" vertex="{points}"/></asset>'
        '<worldbody><body euler="20 30 40"><geom type="mesh" mesh="m" pos=".1 0 0"/></body></worldbody></mujoco>'
    )
    _, depth, mask = Renderer(model, np.ones(1)).render(data, CAMERA, INTRINSICS, SIZE)
    exact, geom = ray_depths(model, data, CAMERA)
    assert (mask == geom).mean() > 0.998
    seen = (mask > 0) & (geom > 0)
    np.testing.assert_allclose(depth[seen], exact[seen], atol=1e-4)


def test_only_visual_opaque_geoms_are_drawn() -> None:
    hidden = '<geom size=".1" group="3"/><geom size=".1" rgba="1 0 0 0"/><geom size=".01"/>'
    _, _, mask = picture(hidden)
    assert set(np.unique(mask)) == {0, 3}


def test_colour_comes_from_geom_or_material() -> None:
    model, data = scene(
        '<mujoco><asset><material name="m" rgba="0 0 1 1"/></asset><worldbody>'
        '<geom type="box" size=".1 .1 .1" material="m"/><geom type="box" size=".1 .1 .1" pos="0 .4 0" rgba="1 0 0 1"/>'
        "</worldbody></mujoco>"
    )
    rgb, _, mask = Renderer(model, np.arange(1, 3)).render(data, CAMERA, INTRINSICS, SIZE)
    assert np.all(rgb[mask == 1].argmax(-1) == 2) and np.all(rgb[mask == 2].argmax(-1) == 0)


def test_brightness_grows_as_a_face_turns_to_the_light() -> None:
    def brightness(angle: float) -> float:
        tilt = f'<geom type="box" size=".3 .3 .001" euler="0 {-angle} 0" rgba=".5 .5 .5 1"/>'
        rgb, _, mask = picture(tilt, look_at(np.array([0.0, 0.0, 1.5]), np.zeros(3), up=(1, 0, 0)))
        return float(rgb[mask > 0].mean())

    levels = [brightness(angle) for angle in (-28, -56, -70)]
    assert levels[0] > levels[1] > levels[2] > 20


def test_shadow_darkens_what_is_hidden_from_the_light() -> None:
    ball = '<geom type="plane" size="0 0 .1"/><geom size=".05" pos="0 0 .3"/>'
    lit, shadowed = picture(ball)[0].astype(int), picture(ball, shadows=True)[0].astype(int)
    darker = (shadowed < lit - 5).any(-1)
    assert 20 < darker.sum() < 0.2 * darker.size
    assert np.all(shadowed <= lit)


def test_moved_bodies_are_seen_where_they_are_and_bits_repeat() -> None:
    model, data = scene(EVERY_SHAPE)
    ids = np.arange(model.ngeom)
    used = Renderer(model, ids)
    used.render(data, CAMERA, INTRINSICS, SIZE)
    data.qpos[:3] += 0.05
    data.qpos[10:14] = [0.5, 0.5, 0.5, 0.5]
    mujoco.mj_kinematics(model, data)
    fresh = Renderer(model, ids)
    images = [renderer.render(data, CAMERA, INTRINSICS, SIZE) for renderer in (used, fresh)]
    for mine, other in zip(*images, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_formats() -> None:
    rgb, depth, mask = picture(EVERY_SHAPE)
    assert (rgb.shape, rgb.dtype) == ((*SIZE, 3), np.uint8)
    assert (depth.shape, depth.dtype) == (SIZE, np.float32)
    assert (mask.shape, mask.dtype) == (SIZE, np.uint16)


@pytest.mark.parametrize("distance", [0.02, 0.06, 0.3])
def test_body_around_or_beside_the_camera_is_not_cut_off(distance: float) -> None:
    """A moving body near the camera must look like a fixed one, whose rays are all cast."""
    geoms = '<geom type="box" size=".05 .04 .3" pos="0 0.05 0"/><geom type="box" size=".01 .1 .01" pos="0 0 -.1"/>'
    camera = look_at(np.array([distance, 0.0, 0.0]), np.array([0.0, 0.1, -0.2]))
    moving = picture(f"<body><freejoint/>{geoms}</body>", camera)
    for mine, other in zip(moving, picture(geoms, camera), strict=True):
        np.testing.assert_array_equal(mine, other)
    assert (moving[2] > 0).any()
