# SPDX-License-Identifier: Apache-2.0
"""``seg integrate`` as a user calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from seg_node.cli.main import main
from seg_node.integrations import CONSUMERS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize('consumer', CONSUMERS)
def test_files_are_written_and_named(
    consumer: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['integrate', consumer, '--out', str(tmp_path / 'files')]) == 0

    written = sorted(str(path) for path in (tmp_path / 'files').iterdir())
    printed = capsys.readouterr().out.splitlines()
    assert written
    assert sorted(line for line in printed if not line.startswith('reads ')) == written


def test_topics_that_are_read_are_told_with_what_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(['integrate', 'nav2', '--out', str(tmp_path), '--cameras', 'front'])

    printed = capsys.readouterr().out.splitlines()
    room = '/front/segmentation/decimated'
    assert [line for line in printed if line.startswith('reads ')] == [
        f'reads {room}/mask (sensor_msgs/Image, best effort)',
        f'reads {room}/confidence (sensor_msgs/Image, best effort)',
        f'reads {room}/label_info (vision_msgs/LabelInfo, reliable, latched)',
        'reads /front/depth/points (sensor_msgs/PointCloud2, best effort), not from seg_node',
    ]


def test_options_reach_the_files(tmp_path: Path) -> None:
    words = ['--cameras', 'front', 'left', '--namespace', '/robot', '--factor', '3']

    main(['integrate', 'nav2', 'procedural', '--out', str(tmp_path), *words, '--clouds', 'points'])

    data = yaml.safe_load((tmp_path / 'nav2_costmap.yaml').read_text())
    layer = data['local_costmap']['local_costmap']['ros__parameters']
    left = layer['semantic_segmentation_layer']['left']
    assert left['pointcloud_topic'] == '/robot/left/points'
    assert left['segmentation_topic'] == '/robot/left/segmentation/decimated/mask'
    node = yaml.safe_load((tmp_path / 'nav2_seg_node.yaml').read_text())
    assert node['/**']['ros__parameters']['decimated']['factor'] == 3


def test_files_are_not_replaced_unless_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ['integrate', 'rviz', '--out', str(tmp_path)]
    assert main(command) == 0

    assert main(command) == 1
    assert 'already has seg_node.rviz' in capsys.readouterr().err
    assert main([*command, '--replace']) == 0


@pytest.mark.parametrize('factor', ['0', '65', '-1', 'x'])
def test_factor_that_the_node_would_refuse_is_wrong_usage(
    factor: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(['integrate', 'nav2', '--out', str(tmp_path), f'--factor={factor}'])

    assert caught.value.code == 2
    assert 'expected a whole number from 1 to 64' in capsys.readouterr().err


def test_unknown_consumer_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(['integrate', 'rviz2', '--out', 'x'])

    assert caught.value.code == 2
    assert 'nvblox' in capsys.readouterr().err
