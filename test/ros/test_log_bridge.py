# SPDX-License-Identifier: Apache-2.0
"""Records of ``logging`` in the log of a node."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.needs_ros


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """A Python logger whose records go to a ROS logger."""
    from rclpy.logging import get_logger  # noqa: PLC0415

    from seg_node.ros.log_bridge import RosHandler  # noqa: PLC0415

    logger = logging.getLogger('seg_node.test_log_bridge')
    handler = RosHandler(get_logger('bridge'))
    logger.addHandler(handler)
    logger.propagate = False
    yield logger
    logger.removeHandler(handler)


def test_every_severity_arrives_in_any_order(
    logger: logging.Logger, capfd: pytest.CaptureFixture[str]
) -> None:
    for level in (logging.WARNING, logging.ERROR, logging.CRITICAL, logging.WARNING):
        logger.log(level, 'level %d', level)

    text = capfd.readouterr().err
    lines = [line for line in text.splitlines() if 'seg_node.test_log_bridge: level' in line]
    assert [line.split()[0] for line in lines] == ['[WARN]', '[ERROR]', '[ERROR]', '[WARN]']
    assert [line.split()[-1] for line in lines] == ['30', '40', '50', '30']
