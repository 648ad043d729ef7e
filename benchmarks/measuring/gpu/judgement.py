# SPDX-License-Identifier: Apache-2.0
"""Whether an engine on a GPU gives what the processor gives, and whether it is fast enough."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import numpy as np

from seg_node.engines.base import Wanted
from seg_node.engines.onnx_engine import OnnxEngine

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from seg_node.bundle import Bundle
    from seg_node.engines.base import Engine

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['LIMITS', 'agreement', 'bars']

LIMITS = (0.5, 0.5)  # least probability and largest entropy of a drivable pixel
CLOSE = 2  # levels
EQUAL_LABELS = 0.999
CLOSE_SHARE = {'fp32': 1.0, 'fp16': 0.999, 'int8': 0.9}
LARGEST = {'fp32': 2, 'fp16': 16, 'int8': 255}
SLOWER_THAN_ENGINE, OVERHEAD_MS = 1.25, 0.4
SHARE_OF_ENGINE_RATE = 0.9
HOST_MS = 0.3
ROOFLINES = 4.0


def agreement(engine: Engine, bundle: Bundle, images: Sequence[UInt8Array]) -> dict[str, float]:
    """Compare an engine with ONNX Runtime in fp32, over all pixels of all images.

    Returns:
        Shares of equal labels and of pixels whose confidence and entropy are close, and the
        largest difference of both [levels].
    """
    labels, differences = [], []
    with OnnxEngine(bundle, threads=4) as reference:
        for image in images:
            (got,), (expected,) = (one.segment([image], Wanted()) for one in (engine, reference))
            labels.append(got.maps.labels == expected.maps.labels)
            pairs = (
                (got.maps.confidence, expected.maps.confidence),
                (got.maps.entropy, expected.maps.entropy),
            )
            levels = [np.abs(_whole(one) - _whole(other)) for one, other in pairs]
            differences.append(np.maximum(*levels))
    return {
        'labels': float(np.mean(labels)),
        'close': float((np.asarray(differences) <= CLOSE).mean()),
        'largest': float(np.max(differences)),
    }


def _whole(levels: UInt8Array | None) -> npt.NDArray[np.int16]:
    assert levels is not None
    return levels.astype(np.int16)


def bars(
    name: str,
    precision: str,
    found: dict[str, float],
    times: dict[str, float],
    least: float | None,
) -> list[dict[str, Any]]:
    """Judge one engine.

    Args:
        name: Of the engine.
        precision: It ran in.
        found: From ``agreement``.
        times: From ``timing.measure`` [ms].
        least: Roofline [s]; without it that bar cannot be judged, and is not met.
    """
    engine = times['engine']
    rate = engine / times['period']
    at_least = [('pixels within 2 levels', found['close'], CLOSE_SHARE[precision])]
    if precision == 'fp32':
        at_least.append(('equal labels', found['labels'], EQUAL_LABELS))
    at_least.append(('rate of a stream / of the engine', rate, SHARE_OF_ENGINE_RATE))
    at_most = [
        ('largest difference [levels]', found['largest'], LARGEST[precision]),
        ('latency [ms]', times['latency'], SLOWER_THAN_ENGINE * engine + OVERHEAD_MS),
        ('processor time around the engine [ms]', times['around'], HOST_MS),
    ]
    what = 'engine / roofline'
    if least is not None:
        at_most.append((what, engine / (1e3 * least), ROOFLINES))
    unknown = [_bar(f'{name}: {what}', None, ROOFLINES, met=False)] if least is None else []
    return [
        *(_bar(f'{name}: {what}', value, bar, met=value >= bar) for what, value, bar in at_least),
        *(_bar(f'{name}: {what}', value, bar, met=value <= bar) for what, value, bar in at_most),
        *unknown,
    ]


def _bar(what: str, value: float | None, bar: float, *, met: bool) -> dict[str, Any]:
    return {'what': what, 'value': value, 'bar': bar, 'met': met}
