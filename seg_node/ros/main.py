# SPDX-License-Identifier: Apache-2.0
"""Entry point of the executable ``seg_node``."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ['main']

MOST_PIXELS = '64000000'  # as seg_node.imaging, which would load OpenCV


def main(argv: Sequence[str] | None = None) -> int:
    """Run the node until SIGINT or SIGTERM and return the exit status.

    Args:
        argv: Command line with the program's name; the process's own unless given.
    """
    # Read by OpenCV when it is loaded: files that unpack to more are refused by their headers.
    os.environ.setdefault('OPENCV_IO_MAX_IMAGE_PIXELS', MOST_PIXELS)
    asked: list[int] = []

    def leave(number: int, _frame: object) -> None:
        asked.append(number)
        raise SystemExit(0)

    # Until rclpy takes over. Not KeyboardInterrupt: where an extension runs Python code while it
    # is imported, the interpreter remembers that one and dies of SIGINT, whoever has caught it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    try:
        # All of this takes a second, in which a signal may come.
        from .transport import keep_large_blocks, use_shared_memory_profile  # noqa: PLC0415

        # Before the middleware is loaded, and before anything large is allocated.
        profile = use_shared_memory_profile()
        keep_large_blocks()
        from .serve import serve  # noqa: PLC0415
    except BaseException:
        if asked:
            return 0  # rclpy turns what interrupts its import into an ImportError
        raise
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return serve(sys.argv if argv is None else argv, profile)
    except KeyboardInterrupt:
        return 0


if __name__ == '__main__':
    sys.exit(main())
