# SPDX-License-Identifier: Apache-2.0
"""A tuned preset on its way into a bundle."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TYPE_CHECKING

from seg_node.bundle import open_bundle, write_bundle
from seg_node.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from seg_node.bundle import Bundle

__all__ = ['manifest_entry', 'write_preset']

MEASURED = ('mean_iou', 'boundary_f1', 'class_iou', 'class_boundary_f1')
SOURCE = ('bundle', 'sha256', 'data', 'frames')


def manifest_entry(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a bundle keeps: the preset, its gate, and what they were worth.

    Args:
        data: From ``as_json``.
    """
    return {
        'enabled': not data['faults'],
        'why_not': ' '.join(data['faults']),
        'preset': data['preset'],
        **data['preset_gate'],
        'measured': {
            'note': data['note'],
            'taxonomy': data['taxonomy'],
            **{key: data['held_out'][key] for key in MEASURED},
            'gate': data['gate'],
            'crf_ms': data['crf_ms'],
            'crf_backend': data['crf_backend'],
            'image_size': data['image_size'],
            'machine': data['machine'],
            'sources': [{key: part[key] for key in SOURCE} for part in data['parts']],
        },
    }


def write_preset(folder: Path, data: Mapping[str, Any], *, off_if_missed: bool = False) -> Bundle:
    """Put a preset into a bundle; the rest of it stays as it is.

    Args:
        folder: Of the bundle.
        data: From ``as_json``.
        off_if_missed: Whether a preset that misses a bar is written, switched off.

    Returns:
        The bundle, opened and verified again.

    Raises:
        BundleError: If the preset misses a bar and is not to be written then, or the bundle cannot
            be written.
    """
    if data['faults'] and not off_if_missed:
        msg = (
            f'The preset is not good enough for bundle {str(folder)!r}: '
            f'{" ".join(data["faults"])} Nothing was written there; search longer, or write it '
            'switched off with --off-if-missed.'
        )
        raise BundleError(msg)
    bundle = open_bundle(folder)
    files = {name: bundle.path / name for name in bundle.manifest.files}
    return write_bundle(folder, replace(bundle.manifest, crf=manifest_entry(data)), files)
