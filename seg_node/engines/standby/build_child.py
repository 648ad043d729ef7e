# SPDX-License-Identifier: Apache-2.0
"""The process that builds an engine for a GPU.

``python -m seg_node.engines.standby.build_child JOB`` is how a node starts it.

It tells its parent how far it is by lines of JSON on stdout, such as ``{"event": "progress",
"share": 0.42}``, and at last ``built`` or ``failed``. Whatever else comes out, of native libraries
too, is for the log. It ends with its parent, however that ends.
"""

from __future__ import annotations

import ctypes
from importlib import import_module
import json
import os
import signal
import sys
import traceback
from typing import Any, cast, TYPE_CHECKING

from seg_node.bundle import open_bundle
from seg_node.engines.standby.backend import fault_of, GpuPlan

if TYPE_CHECKING:
    from seg_node.engines.standby.backend import GpuBackend

__all__ = ['load_backend', 'main']

PR_SET_PDEATHSIG = 1
NICENESS = 10
"""Frames come first: they are served by the same processor meanwhile."""


def main(job: str) -> int:
    """Do one job and return the exit status.

    Args:
        job: JSON with ``backend`` (module:class), ``bundle`` (folder), ``plan`` and ``parent`` (id
            of the process that waits).
    """
    given = json.loads(job)
    _end_with(int(given['parent']))
    os.nice(NICENESS)
    try:
        backend = load_backend(given['backend'])
        plan = GpuPlan.from_dict(given['plan'])
        backend.build(open_bundle(given['bundle']), plan, _tell_progress)
    except Exception as err:  # noqa: BLE001  # the parent says it
        fault = fault_of(err)
        if fault.is_defect:
            traceback.print_exc()
        _tell('failed', kind=fault.kind, text=str(fault))
        return 1
    _tell('built')
    return 0


def load_backend(path: str) -> GpuBackend:
    """Return the back end of a path such as ``'package.module:Class'``."""
    module, _, name = path.partition(':')
    return cast('GpuBackend', getattr(import_module(module), name)())


def _tell_progress(share: float) -> None:
    _tell('progress', share=share)


def _tell(event: str, **details: Any) -> None:
    """Write one line at once, whole and apart from what native code prints."""
    sys.stderr.flush()
    os.write(1, f'\n{json.dumps({"event": event, **details})}\n'.encode())


def _end_with(parent: int) -> None:
    """Have the system end this process when the thread that started it ends."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        raise OSError(ctypes.get_errno(), 'prctl')
    if os.getppid() != parent:
        sys.exit('The parent is gone.')


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
