# SPDX-License-Identifier: Apache-2.0
"""A bundle, and a stage of processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from endurance.stage import Stage

    MakeStage = Callable[..., Stage]


@pytest.fixture(scope='module')
def make_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeStage]:
    """Return a function that prepares a stage; keywords as for ``Stage``."""
    from endurance.stage import Stage  # noqa: PLC0415  # needs ROS
    from tiny import tiny_bundle  # noqa: PLC0415  # needs onnx

    bundle = str(tiny_bundle(tmp_path_factory.mktemp('bundles') / 'tiny').path)
    stages: list[Stage] = []

    def make(options: dict[str, object] | None = None, **parameters: object) -> Stage:
        values = {'bundle': bundle, 'engine': 'onnxruntime', **parameters}
        stages.append(Stage(tmp_path_factory.mktemp('stage'), values, **(options or {})))
        return stages[-1]

    yield make
    for stage in stages:
        stage.close()
