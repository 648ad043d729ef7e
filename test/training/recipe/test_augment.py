# SPDX-License-Identifier: Apache-2.0
"""Values of the part ``augment`` that make no sense."""

from __future__ import annotations

from typing import Any

import pytest

from seg_node.errors import ParameterError
from seg_node.training.recipe.augment import AugmentPart


@pytest.mark.parametrize(
    ('values', 'named'),
    [
        ({'jpeg': 1.5}, r'augment\.jpeg is 1\.5'),
        ({'flip': -0.1}, r'augment\.flip'),
        ({'rain': 0.6, 'night': 0.5}, r'rain \+ fog \+ glare \+ night'),
        ({'class_mix': 0.7, 'copy_paste': 0.7}, r'class_mix \+ copy_paste'),
        ({'scale': (2.0, 1.0)}, r'augment\.scale'),
        ({'scale': (0.0, 1.0)}, r'augment\.scale'),
        ({'crop': (0, 64)}, r'augment\.crop'),
        ({'jpeg_quality': (0, 50)}, r'augment\.jpeg_quality'),
        ({'jpeg_quality': (50, 101)}, r'augment\.jpeg_quality'),
        ({'weather': (0.5, 1.2)}, r'augment\.weather'),
    ],
)
def test_a_senseless_value_is_named(values: dict[str, Any], named: str) -> None:
    with pytest.raises(ParameterError, match=named):
        AugmentPart(**values)


def test_chances_may_add_up_to_one() -> None:
    AugmentPart(rain=0.1, fog=0.2, glare=0.3, night=0.4, class_mix=0.5, copy_paste=0.5)
