# SPDX-License-Identifier: Apache-2.0
"""What the arguments about the mounting of cameras ask for."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from seg_node.cli.mounting_options import add_mounting, mountings
from seg_node.errors import ParameterError
from seg_node.replay.options import CameraMounting


def parsed(*words: str) -> tuple[CameraMounting, ...]:
    parser = argparse.ArgumentParser()
    add_mounting(parser)
    return mountings(parser.parse_args(words))


def test_what_is_given_to_no_camera_is_for_all() -> None:
    assert parsed() == ()
    assert parsed('--rotation', '180') == (CameraMounting('', 180),)


def test_what_is_given_to_a_camera_is_added_to_what_is_for_all() -> None:
    hood = str(Path('hood.png').resolve())

    assert parsed('--rotation', '/front/image=90', '--own-vehicle-mask', 'hood.png') == (
        CameraMounting('', 0, hood),
        CameraMounting('/front/image', 90, hood),
    )


@pytest.mark.parametrize('text', ['45', '/front/image=45', '/front/image', '-90', ''])
def test_other_turns_are_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed(f'--rotation={text}')

    assert 'expected 0, 90, 180 or 270 degrees' in capsys.readouterr().err


def test_two_values_for_one_camera_are_refused() -> None:
    with pytest.raises(ParameterError, match='--rotation is given twice'):
        parsed('--rotation', '90', '--rotation', '180')
