# SPDX-License-Identifier: Apache-2.0
"""The architecture of a manifest, there and back."""

from __future__ import annotations

import json

import pytest

from seg_node.errors import BundleError
from seg_node.model.config import NetConfig


def test_config_survives_json() -> None:
    config = NetConfig('erfnet', 7, (1.0, 2.0, 3.0), (4.0, 5.0, 6.0))

    assert NetConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ('values', 'words'),
    [
        ({'family': 'resnet', 'classes': 3}, "Unknown network family 'resnet'; .* erfnet, lite0"),
        ({'family': 'lite0', 'classes': 1}, 'at least 2 classes, got 1'),
        ({'family': 'lite0', 'classes': 3, 'width': 9}, "Unknown architecture key 'width'"),
        ({'family': 'lite0'}, 'Export the bundle again'),
        ({'family': 'lite0', 'classes': 3, 'mean': [1.0]}, 'Export the bundle again'),
        (
            {'family': 'lite0', 'classes': 3, 'finest_stride': 8},
            'finest stride is 8; expected 2 or 4',
        ),
    ],
    ids=['family', 'classes', 'key', 'missing', 'mean', 'stride'],
)
def test_unusable_architecture_is_refused(values: dict[str, object], words: str) -> None:
    with pytest.raises(BundleError, match=words):
        NetConfig.from_dict(values)
