# SPDX-License-Identifier: Apache-2.0
"""A segmenter for an evaluation, which may overrule what the bundle says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seg_node.bundle import open_bundle
from seg_node.engines.registry import AUTO, open_engine
from seg_node.pipeline import Segmenter, SegmenterOptions

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ['open_for_evaluation']

PLAIN = SegmenterOptions()


def open_for_evaluation(
    bundle: str | Path,
    engine: str,
    options: SegmenterOptions = PLAIN,
    *,
    threads: int = 1,
    precision: str = AUTO,
    temperature: float | None = None,
) -> Segmenter:
    """Return a segmenter that is ready for its first frame, as ``open_segmenter`` does.

    Args:
        bundle: Name of a shipped bundle or path of a folder.
        engine: Name of an engine, or ``'auto'``.
        options: Thresholds and CRF.
        threads: Threads that one inference may use.
        precision: ``'fp32'``, ``'int8'``, or ``'auto'`` for what the manifest says.
        temperature: Divisor of the scores instead of the bundle's.

    Raises:
        BundleError: If the bundle is missing, damaged or altered, or the temperature not positive.
        EngineError: If the engine is unknown or cannot run it in this precision.
    """
    opened = open_bundle(bundle)
    if temperature is not None:
        opened = replace(opened, manifest=replace(opened.manifest, temperature=temperature))
    ready = open_engine(engine, opened, threads=threads, precision=precision)
    return Segmenter(ready, options)
