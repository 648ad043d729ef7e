# SPDX-License-Identifier: Apache-2.0
"""What does not fit together is refused before hours are spent on it."""

from __future__ import annotations

import json
import os
from typing import Any, TYPE_CHECKING

from seg_node.bundle import open_bundle
from seg_node.errors import BundleError, DatasetError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from seg_node.taxonomy import Taxonomy
    from seg_node.tuning.frames import Drive

__all__ = ['check_drives', 'check_target', 'check_work']

SETUP = 'setup.json'
FEWEST = 6  # frames of a single drive: two for each of its stretches


def check_drives(drives: Sequence[Drive]) -> None:
    """Refuse drives that cannot be pooled.

    Raises:
        DatasetError: If classes differ, a frame is in two drives, or there are too few frames.
    """
    first = drives[0]
    for one in drives:
        if (one.taxonomy.names, one.classes.names) != (first.taxonomy.names, first.classes.names):
            msg = (
                f'{one.name!r} has classes of {one.taxonomy.name!r} compared in '
                f'{one.classes.name!r}, {first.name!r} {first.taxonomy.name!r} in '
                f'{first.classes.name!r}. Pool models of the same classes on data of the same '
                'classes; --taxonomy chooses those to compare in.'
            )
            raise DatasetError(msg)
    count = sum(one.frames for one in drives)
    if count < FEWEST or not all(one.frames for one in drives):
        msg = (
            f'There are {count} frames; expected at least {FEWEST} in all and one of each data '
            'set, and a hundred to learn something.'
        )
        raise DatasetError(msg)
    _check_fresh(drives)


def _check_fresh(drives: Sequence[Drive]) -> None:
    """Refuse a frame that would be tuned on and measured on."""
    owners: dict[str, Drive] = {}
    for one in drives:
        for digest in set(one.digests()):
            if digest in owners:
                msg = (
                    f'A frame is in {owners[digest].name!r} and in {one.name!r}. What is measured '
                    'on must not have been tuned on: give each frame once.'
                )
                raise DatasetError(msg)
            owners[digest] = one


def check_target(folder: Path, classes: Taxonomy) -> None:
    """Refuse a bundle that the preset could not be written into.

    Args:
        folder: Of the bundle.
        classes: That the preset is tuned for.

    Raises:
        BundleError: If it has other classes, or its folder must not be written to.
    """
    manifest = open_bundle(folder).manifest
    if manifest.taxonomy.names != classes.names:
        msg = (
            f'Bundle {manifest.name!r} has the classes of {manifest.taxonomy.name!r}, the preset '
            f'is tuned for those of {classes.name!r}. Give a bundle with the same classes.'
        )
        raise BundleError(msg)
    if not os.access(folder.parent, os.W_OK):
        msg = (
            f'{str(folder.parent)!r} must not be written to, so the bundle in it cannot be '
            'replaced. Copy the bundle and give the copy.'
        )
        raise BundleError(msg)


def check_work(folder: Path, setup: Mapping[str, Any]) -> None:
    """Make a folder for scores and trials, or refuse one that was made for something else.

    Args:
        folder: The folder.
        setup: All that scores and trials depend on, as plain data.

    Raises:
        ParameterError: If the folder belongs to another setup or cannot be written to.
    """
    file = folder / SETUP
    text = json.dumps(setup, indent=2) + '\n'
    try:
        folder.mkdir(parents=True, exist_ok=True)
        known = file.read_text(encoding='utf-8') if file.exists() else None
        if known is None:
            file.write_text(text, encoding='utf-8')
    except OSError as err:
        msg = f'Folder {str(folder)!r} cannot be used: {err.strerror}. Give another one.'
        raise ParameterError(msg) from err
    if known not in (None, text):
        msg = (
            f'{str(folder)!r} holds scores and trials of other bundles, data or options (see '
            f'{SETUP} there). Give the same ones to go on, or another folder to begin anew.'
        )
        raise ParameterError(msg)
