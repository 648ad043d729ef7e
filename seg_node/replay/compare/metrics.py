# SPDX-License-Identifier: Apache-2.0
"""The figures that two sides are compared in: what they are called, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ['CLASS_PREFIX', 'Metric', 'metrics_of', 'needs_truth']

CLASS_PREFIX = 'iou.'


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure.

    Attributes:
        name: For rules and JSON.
        words: For people.
        unit: ``'points'`` are hundredths of a share.
        better: Which way is better; ``'neither'`` for what only describes.
        needs: What a unit of frames must hold to say something about it.
        class_id: Of the class that it is about.
    """

    name: str
    words: str
    unit: Literal['points', 'ms'] = 'points'
    better: Literal['more', 'less', 'neither'] = 'more'
    needs: Literal['truth', 'flicker', 'frames'] = 'frames'
    class_id: int | None = None


BEFORE_CLASSES = (Metric('miou', 'mean IoU', needs='truth'),)
AFTER_CLASSES = (
    Metric('accuracy', 'accuracy', needs='truth'),
    Metric('flicker', 'flicker', better='less', needs='flicker'),
    Metric('entropy', 'entropy', better='neither'),
    Metric('crf_rate', 'frames with the CRF', better='neither'),
    Metric('latency_p50', 'latency, median', 'ms', better='less'),
    Metric('latency_p95', 'latency, 95th percentile', 'ms', better='less'),
)


def metrics_of(classes: Sequence[str]) -> tuple[Metric, ...]:
    """Return all metrics in the order of a table.

    Args:
        classes: Names of the classes that truth and prediction are compared in.
    """
    of_classes = tuple(
        Metric(f'{CLASS_PREFIX}{name}', f'  {name}', needs='truth', class_id=number)
        for number, name in enumerate(classes)
    )
    return BEFORE_CLASSES + of_classes + AFTER_CLASSES


def needs_truth(name: str) -> bool:
    """Tell whether a metric needs truth.

    Args:
        name: Of a metric; any class stands for all.
    """
    fixed = {one.name: one.needs == 'truth' for one in metrics_of(())}
    return fixed.get(name, name.startswith(CLASS_PREFIX))
