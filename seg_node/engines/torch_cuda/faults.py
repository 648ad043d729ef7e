# SPDX-License-Identifier: Apache-2.0
"""What torch's errors mean for a process: torch gives them as text, not as CUDA's numbers."""

from __future__ import annotations

import re

from seg_node.errors import DeviceError

__all__ = ['device_error']

MEMORY = re.compile(r'ALLOC_FAILED|out of memory', re.IGNORECASE)
# The words of ``cudaGetErrorString`` for the codes in ``cuda_device.STICKY``.
STICKY = (
    'driver shutting down',
    'uncorrectable ECC error encountered',
    'uncorrectable NVLink error detected during the execution',
    'Invalid access of peer GPU memory over nvlink or a hardware error',
    'an illegal memory access was encountered',
    'the launch timed out and was terminated',
    'context is destroyed',
    'device-side assert triggered',
    'hardware stack error',
    'an illegal instruction was encountered',
    'misaligned address',
    'operation not supported on global/shared address space',
    'invalid program counter',
    'unspecified launch failure',
    'tensor memory not completely freed',
    'unknown error',
)


def device_error(title: str, error: RuntimeError) -> DeviceError:
    """Return an error of torch on a GPU as ours.

    Args:
        title: Of torch and the GPU, for people.
        error: What torch raised.
    """
    text = str(error)
    if MEMORY.search(text):
        msg = f'{title} has not enough memory: {text} Use a smaller batch or image.'
        return DeviceError(msg, out_of_memory=True)
    sticky = any(f'CUDA error: {words}' in text for words in STICKY)
    return DeviceError(f'{title} failed: {text}', sticky=sticky)
