# SPDX-License-Identifier: Apache-2.0
"""Peak memory of one refinement, in a process of its own.

    python benchmarks/crf_memory.py frame.npz pydensecrf

prints by how much the resident memory grew at most [MiB], above what the inputs and the libraries
take. Linux only: the kernel keeps the peak (VmHWM in /proc/self/status) and forgets it on request.
"""

from __future__ import annotations

from pathlib import Path
import re
import subprocess
import sys
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from measuring.crf.frames import Frame

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ['peaks_mib']

STATUS = Path('/proc/self/status')
FORGET_THE_PEAK = '5'
KIB = 1024
CORNER = 16


def peaks_mib(frame: Frame, rivals: Iterable[str]) -> dict[str, float]:
    """Return the peak memory of each rival on a frame, classic parameters [MiB]."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / 'frame.npz'
        np.savez(file, image=frame.image, probabilities=frame.probabilities, truth=frame.truth)
        return {rival: _measured(file, rival) for rival in rivals}


def _measured(file: Path, rival: str) -> float:
    command = [sys.executable, str(Path(__file__)), str(file), rival]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)


def _read(file: str) -> Frame:
    with np.load(file) as arrays:
        return Frame(file, arrays['image'], arrays['probabilities'], arrays['truth'])


def _corner(frame: Frame) -> Frame:
    """Return a corner, to load with it what is loaded at the first call."""
    here = np.s_[..., :CORNER, :CORNER]
    return Frame(
        frame.name,
        np.ascontiguousarray(frame.image[:CORNER, :CORNER]),
        np.ascontiguousarray(frame.probabilities[here]),
        frame.truth[here],
    )


def _status_kib(key: str) -> int:
    found = re.search(rf'{key}:\s+(\d+) kB', STATUS.read_text(encoding='utf-8'))
    assert found is not None, f'this kernel does not tell {key}'
    return int(found.group(1))


def main() -> None:
    """Refine one frame and print the peak."""
    # here, so that who only asks for peaks does not load it
    from measuring.crf.rivals import labels_of, PARAMETERS  # noqa: PLC0415

    file, rival = sys.argv[1:]
    frame = _read(file)
    labels_of(rival, _corner(frame), PARAMETERS['classic'])()
    Path('/proc/self/clear_refs').write_text(FORGET_THE_PEAK, encoding='utf-8')
    before = _status_kib('VmRSS')
    labels_of(rival, frame, PARAMETERS['classic'])()
    print((_status_kib('VmHWM') - before) / KIB)


if __name__ == '__main__':
    main()
