# SPDX-License-Identifier: Apache-2.0
"""cv_bridge is a last resort: absent, broken or ignorant, it never takes the process down."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.errors import ImageError
from seg_node.imaging import rgb_pixels
from seg_node.imaging.foreign import bridge_fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WORKING_BOOST = 'def getCvType(name):\n    return 16\n'
WORKING_BRIDGE = """
import numpy as np
class CvBridge:
    def imgmsg_to_cv2(self, message, desired_encoding):
        if message.encoding != 'odd':
            raise TypeError(f'Unrecognized image encoding [{message.encoding}]')
        return np.full((message.height, message.width, 3), 77, np.uint8)
"""
WRONG_BRIDGE = """
class CvBridge:
    def imgmsg_to_cv2(self, message, desired_encoding):
        return [[1.0, 2.0]]
"""


def frame(encoding: str) -> SimpleNamespace:
    return SimpleNamespace(
        height=2, width=3, encoding=encoding, is_bigendian=0, step=3, data=bytes(6)
    )


@pytest.fixture
def install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str, str], None]]:
    """Return a function that puts a stand-in for cv_bridge on the path of all interpreters."""
    for name in [name for name in sys.modules if name.split('.')[0] == 'cv_bridge']:
        monkeypatch.delitem(sys.modules, name)

    def write(bridge: str, boost: str) -> None:
        folder = tmp_path / 'cv_bridge' / 'boost'
        folder.mkdir(parents=True)
        (folder.parent / '__init__.py').write_text(bridge)
        (folder / '__init__.py').write_text('')
        (folder / 'cv_bridge_boost.py').write_text(boost)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setenv('PYTHONPATH', str(tmp_path))

    bridge_fault.cache_clear()
    yield write
    bridge_fault.cache_clear()
    for name in [name for name in sys.modules if name.split('.')[0] == 'cv_bridge']:
        del sys.modules[name]


def test_unknown_encoding_is_decoded_by_cv_bridge(install: Callable[[str, str], None]) -> None:
    install(WORKING_BRIDGE, WORKING_BOOST)

    pixels = rgb_pixels(frame('odd'))

    np.testing.assert_array_equal(pixels, np.full((2, 3, 3), 77))


def test_unknown_encoding_lists_the_known_ones_without_cv_bridge(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, 'cv_bridge', None)
    bridge_fault.cache_clear()

    with pytest.raises(
        ImageError,
        match=r"Unknown encoding 'odd'; expected one of 16UC1, .* not installed",
    ):
        rgb_pixels(frame('odd'))

    bridge_fault.cache_clear()


def test_a_cv_bridge_that_kills_its_process_is_only_reported(
    install: Callable[[str, str], None],
) -> None:
    install(WORKING_BRIDGE, 'import os\nos.abort()\n')

    with pytest.raises(ImageError, match=r"Unknown encoding 'odd'.* does not work here"):
        rgb_pixels(frame('odd'))


@pytest.mark.parametrize(
    ('bridge', 'encoding', 'words'),
    [
        (WORKING_BRIDGE, 'odder', r'Unrecognized image encoding \[odder\]'),
        (WRONG_BRIDGE, 'odd', r'into \(1, 2\) float64; expected \(2, 3, 3\) uint8'),
        ('raise ImportError("no boost")', 'odd', 'does not work here'),
    ],
    ids=['unknown', 'wrong_answer', 'import_error'],
)
def test_what_cv_bridge_says_is_passed_on(
    install: Callable[[str, str], None], bridge: str, encoding: str, words: str
) -> None:
    install(bridge, WORKING_BOOST)

    with pytest.raises(ImageError, match=words):
        rgb_pixels(frame(encoding))


def test_unknown_encoding_is_checked_before_cv_bridge_sees_it(
    install: Callable[[str, str], None],
) -> None:
    install(WORKING_BRIDGE, WORKING_BOOST)
    short = frame('odd')
    short.data = bytes(5)

    with pytest.raises(ImageError, match='5 bytes of data'):
        rgb_pixels(short)
