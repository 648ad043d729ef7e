# SPDX-License-Identifier: Apache-2.0
"""From names to a working segmenter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seg_node.bundle import open_bundle
from seg_node.engines.registry import AUTO, open_engine
from seg_node.pipeline.crf_choice import with_crf
from seg_node.pipeline.segmenter import DEFAULT_OPTIONS, Segmenter

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.pipeline.crf_choice import CrfChoice
    from seg_node.pipeline.options import SegmenterOptions

__all__ = ['open_segmenter']


def open_segmenter(
    bundle: str | Path = 'default',
    engine: str = AUTO,
    options: SegmenterOptions = DEFAULT_OPTIONS,
    *,
    threads: int = 1,
    precision: str = AUTO,
    crf: CrfChoice | None = None,
) -> Segmenter:
    """Return a segmenter that is ready for its first frame.

    Args:
        bundle: Name of a shipped bundle or path of a folder.
        engine: Name of an engine, or ``'auto'`` for the best one on a CPU, whose figures do not
            depend on the machine; one on a GPU is asked for by name.
        options: Thresholds and CRF.
        threads: Threads that one inference may use.
        precision: ``'fp32'``, ``'fp16'`` (on a GPU), ``'int8'``, or ``'auto'`` for what is best
            for engine and bundle.
        crf: What is asked of the dense CRF, by name, instead of what ``options`` say of it.

    Raises:
        BundleError: If the bundle is missing, damaged or altered.
        EngineError: If the engine is unknown or cannot run it.
        CrfError: If the bundle lacks the CRF preset that is asked for.

    Example:
        ``with open_segmenter() as segmenter: labels = segmenter(image).labels``
    """
    found = open_bundle(bundle)
    if crf is not None:
        options = with_crf(options, crf, found.manifest)
    opened = open_engine(engine, found, threads=threads, precision=precision)
    return Segmenter(opened, options)
