# SPDX-License-Identifier: Apache-2.0
"""What a graph is built for: contradictions are refused, limits are rounded to the safe side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from seg_node.engines.deployed_spec import DeployedSpec, drivable_limits
from seg_node.errors import EngineError
from seg_node.imaging.drivable import drivable_area

SIZES = ((64, 64), (480, 640), (1080, 1920))


@pytest.mark.parametrize(
    ('values', 'words'),
    [
        ({'image_size': None}, 'exactly one of them'),
        ({'image_size': (480, 640), 'sizes': SIZES}, 'exactly one of them'),
        ({'image_size': (0, 640)}, 'heights is'),
        ({'image_size': None, 'sizes': (SIZES[1], SIZES[0], SIZES[2])}, 'smallest, usual'),
        ({'image_size': (480, 640), 'batch': (0, 1, 1)}, 'batch is'),
        ({'image_size': (480, 640), 'batch': (2, 1, 3)}, 'batch is'),
        ({'image_size': (480, 640), 'precision': 'fp8'}, "'fp8'; expected one of fp16, fp32"),
        ({'image_size': (480, 640), 'planes': (3, 1)}, 'ascending'),
        ({'image_size': (480, 640), 'planes': (1, 1)}, 'each once'),
    ],
    ids=lambda value: value if isinstance(value, str) else '-'.join(value),
)
def test_contradictions_are_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(EngineError, match=words):
        DeployedSpec(**values)


@pytest.mark.parametrize(
    ('values', 'fixed'),
    [
        ({'image_size': (480, 640)}, True),
        ({'image_size': (480, 640), 'batch': (3, 3, 3)}, True),
        ({'image_size': (480, 640), 'batch': (1, 2, 3)}, False),
        ({'image_size': None, 'sizes': SIZES}, False),
    ],
    ids=['fixed', 'fixed-batch', 'open-batch', 'open-size'],
)
def test_shapes_are_fixed_if_size_and_batch_are(values: dict[str, Any], *, fixed: bool) -> None:
    spec = DeployedSpec(**values)

    assert spec.is_fixed is fixed
    assert spec.size_range == ((values['image_size'] and (values['image_size'],) * 3) or SIZES)


def test_limits_decide_on_a_device_as_the_rule_does_on_the_processor() -> None:
    """For every level of confidence and entropy, at thousands of thresholds."""
    levels = np.arange(256, dtype=np.uint8)
    table = np.full(256, 255, np.uint8)
    rng = np.random.default_rng(0)
    thresholds = [*rng.uniform(0, 1, 2000), *np.linspace(0, 1, 101), *(np.arange(256) / 255)]

    for value in thresholds:
        least, most = drivable_limits(value, value) * np.float32(255)
        probable = levels >= np.ceil(least - np.float32(1e-3))
        calm = levels <= np.floor(most + np.float32(1e-3))
        none = np.zeros((1, 256), np.uint8)
        by_confidence = drivable_area(
            none, levels[None], none, table, min_probability=value, max_entropy=1.0
        )
        by_entropy = drivable_area(
            none, none, levels[None], table, min_probability=0.0, max_entropy=value
        )
        np.testing.assert_array_equal(255 * probable, by_confidence[0])
        np.testing.assert_array_equal(255 * calm, by_entropy[0])
