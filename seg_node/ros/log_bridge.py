# SPDX-License-Identifier: Apache-2.0
"""Records of Python's ``logging`` go to the node's log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rclpy.impl.rcutils_logger import RcutilsLogger

__all__ = ['RosHandler']


class RosHandler(logging.Handler):
    """Forwards what the ROS-free rooms log.

    rclpy remembers the severity of each calling line, so each severity has a line of its own.
    """

    def __init__(self, logger: RcutilsLogger) -> None:
        """Remember where records go."""
        super().__init__()
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        """Forward one record."""
        text = f'{record.name}: {self.format(record)}'
        if record.levelno >= logging.ERROR:
            self._logger.error(text)
        elif record.levelno >= logging.WARNING:
            self._logger.warning(text)
        elif record.levelno >= logging.INFO:
            self._logger.info(text)
        else:
            self._logger.debug(text)
