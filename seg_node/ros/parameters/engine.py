# SPDX-License-Identifier: Apache-2.0
"""Parameters of the model and of who runs it."""

from __future__ import annotations

from dataclasses import dataclass
import re
from typing import TYPE_CHECKING

from seg_node.engines.registry import ENGINES, PRECISIONS

from .spec import Spec

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ['ENGINE', 'EngineParameters', 'engine_faults', 'image_size_of']

IMAGE_SIZE = re.compile(r'([1-9][0-9]{0,4})x([1-9][0-9]{0,4})')

ENGINE: tuple[Spec, ...] = (
    Spec(
        'bundle',
        'default',
        'Name of a shipped model bundle or path of a bundle folder',
        change='configure',
    ),
    Spec(
        'engine',
        'auto',
        'Inference back end; auto takes the best one that works here and says why; with one on a '
        'GPU, the CPU answers frames until it is built and checked',
        choices=tuple(sorted({'auto', *ENGINES})),
        change='configure',
    ),
    Spec(
        'precision',
        'auto',
        'Arithmetic of the inference engine; auto takes int8 on a CPU where the bundle asks for '
        'it, or says that it loses little on held-out images and it is faster on this machine, '
        'else fp32; on a GPU fp16, or int8 if the bundle asks for it',
        choices=tuple(sorted(PRECISIONS)),
        change='configure',
    ),
    Spec(
        'on_gpu_failure',
        'fallback',
        'What becomes of frames while the GPU has failed: fallback, the CPU answers them; fail, '
        'they are errors',
        choices=('fail', 'fallback'),
        change='configure',
    ),
    Spec(
        'gpu.image_size',
        '',
        'Width x height of the camera images, for example 1280x720, so that an engine is built '
        'before the first one; empty takes the size of the first',
        change='configure',
    ),
    Spec(
        'gpu.build_timeout',
        600.0,
        'A build of an engine that makes no progress for so long is ended and tried again',
        unit='s',
        bounds=(1.0, 86400.0),
        change='configure',
    ),
    Spec(
        'gpu.frame_timeout',
        2.0,
        'A GPU that has not answered a frame for so long hangs: the CPU answers this frame and '
        'all after it until the node is restarted',
        unit='s',
        bounds=(0.1, 60.0),
        change='configure',
    ),
    Spec(
        'gpu.retry_delay',
        5.0,
        'Before the GPU is tried again after a failure; doubles with each further failure, up to '
        'ten minutes',
        unit='s',
        bounds=(0.1, 600.0),
        change='configure',
    ),
    Spec(
        'threads',
        2,
        'Threads of an inference on the CPU',
        bounds=(1, 64),
        change='configure',
    ),
    Spec(
        'opencv_threads',
        1,
        'Threads that OpenCV may use inside one operation',
        bounds=(1, 64),
        change='configure',
    ),
)


@dataclass(frozen=True)
class EngineParameters:
    """Values of ``ENGINE``."""

    bundle: str
    engine: str
    precision: str
    on_gpu_failure: str
    gpu_image_size: str
    gpu_build_timeout: float
    gpu_frame_timeout: float
    gpu_retry_delay: float
    threads: int
    opencv_threads: int


def image_size_of(text: str) -> tuple[int, int] | None:
    """Return height and width of a valid ``gpu.image_size``; None if it is empty."""
    found = IMAGE_SIZE.fullmatch(text)
    return (int(found[2]), int(found[1])) if found else None


def engine_faults(values: Mapping[str, object]) -> list[str]:
    """Return what is wrong with these values beyond type, bounds and choice."""
    text = str(values.get('gpu.image_size', ''))
    if not text or IMAGE_SIZE.fullmatch(text):
        return []
    fault = (
        f"Parameter 'gpu.image_size' is {text!r}; expected width x height in pixels, for example "
        "'1280x720', or nothing."
    )
    return [fault]
