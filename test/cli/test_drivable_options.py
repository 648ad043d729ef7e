# SPDX-License-Identifier: Apache-2.0
"""What the arguments about the drivable area ask for."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import Any

import pytest

from seg_node.cli.drivable_options import add_drivable, KINDS
from seg_node.pipeline import SegmenterOptions


def parsed(*settings: str) -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    add_drivable(parser)
    words = [word for setting in settings for word in ('--drivable', setting)]
    return dict(parser.parse_args(words).drivable)


def test_every_setting_of_the_segmenter_can_be_given() -> None:
    names = (one.name for one in fields(SegmenterOptions))

    assert {f'drivable_{name}' for name in KINDS} == {
        name for name in names if name.startswith('drivable_')
    }


def test_settings_have_the_types_of_the_segmenter() -> None:
    found = parsed('classes=road + traffic sign', 'reachable=true', 'hysteresis=0.2')

    assert found == {'classes': ('road', 'traffic sign'), 'reachable': True, 'hysteresis': 0.2}
    assert parsed() == {}


def test_probability_of_0_is_that_of_the_bundle() -> None:
    assert parsed('min_probability=0') == {'min_probability': None}


@pytest.mark.parametrize(
    ('setting', 'words'),
    [
        ('holes=1', "Unknown setting 'holes'; expected one of classes"),
        ('reachable', 'Write it as NAME=VALUE'),
        ('reachable=yes', "expected true or false, not 'yes'"),
        ('max_hole=2', 'expected a number from 0 to 1'),
    ],
)
def test_what_is_no_setting_is_refused(
    setting: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parsed(setting)

    assert words in capsys.readouterr().err
