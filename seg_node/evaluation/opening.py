# SPDX-License-Identifier: Apache-2.0
"""A segmenter for an evaluation, which may overrule what the bundle says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seg_node.bundle import open_bundle
from seg_node.engines.registry import AUTO, open_engine
from seg_node.pipeline import CrfChoice, Segmenter, SegmenterOptions, with_crf

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ['open_for_evaluation']

PLAIN = SegmenterOptions()
NO_CRF = CrfChoice(enabled=False)


def open_for_evaluation(
    bundle: str | Path,
    engine: str,
    *,
    threads: int = 1,
    precision: str = AUTO,
    temperature: float | None = None,
    crf: CrfChoice = NO_CRF,
) -> Segmenter:
    """Return a segmenter that is ready for its first frame, as ``open_segmenter`` does.

    Args:
        bundle: Name of a shipped bundle or path of a folder.
        engine: Name of an engine, or ``'auto'``.
        threads: Threads that one inference may use.
        precision: ``'fp32'``, ``'int8'``, or ``'auto'`` for what the manifest says.
        temperature: Divisor of the scores instead of the bundle's.
        crf: What is asked of the dense CRF.

    Raises:
        BundleError: If the bundle is missing, damaged or altered, or the temperature not positive.
        EngineError: If the engine is unknown or cannot run it in this precision.
        CrfError: If the bundle lacks the preset that is asked for.
    """
    opened = open_bundle(bundle)
    if temperature is not None:
        opened = replace(opened, manifest=replace(opened.manifest, temperature=temperature))
    options = with_crf(PLAIN, crf, opened.manifest)
    ready = open_engine(engine, opened, threads=threads, precision=precision)
    return Segmenter(ready, options)
