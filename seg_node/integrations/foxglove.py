# SPDX-License-Identifier: Apache-2.0
"""Foxglove: a layout with pictures and diagnostics."""

from __future__ import annotations

import json
from typing import Any, TYPE_CHECKING

from seg_node.interface import topics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .site import Site

__all__ = ['foxglove_files']

WORDS = """\
# seg_node, bundle {bundle}

Import this layout in Foxglove (Layouts, Import from file).

* **overlay, color**: the classes in their colours. The mask itself looks black, because its class
  ids are taken for grey levels.
* **drivable_area**: white may be driven on. **entropy**: white is uncertain.
* Every open image panel is a subscriber: seg_node computes what is open, and nothing else.
* **Diagnostics** says why nothing comes, if nothing comes.

{legend}
"""
PICTURES = (topics.OVERLAY, topics.COLOR, topics.DRIVABLE_AREA, topics.ENTROPY)


def foxglove_files(site: Site) -> dict[str, str]:
    """Return the files for Foxglove, by name. JSON has no comments: a panel explains it."""
    panels: dict[str, dict[str, Any]] = {'Markdown!about': {'markdown': _words(site)}}
    rows: list[list[str]] = []
    for source, camera in site.sources().items():
        row = []
        for name in PICTURES:
            panel = f'Image!{source}_{name.rpartition("/")[2]}'
            # No calibration: the panel would stay empty until a camera info comes.
            panels[panel] = {'imageMode': {'imageTopic': site.topic(camera, name)}}
            row.append(panel)
        panel = f'RawMessages!{source}_status'
        panels[panel] = {'topicPath': site.topic(camera, topics.STATUS)}
        rows.append([*row, panel])
    panels['DiagnosticSummary!all'] = {'topicToRender': topics.DIAGNOSTICS, 'minLevel': 0}
    panels['DiagnosticStatusPanel!all'] = {'topicToRender': topics.DIAGNOSTICS}
    about = _mosaic(
        ['Markdown!about', 'DiagnosticSummary!all', 'DiagnosticStatusPanel!all'], 'row'
    )
    layout = {
        'configById': panels,
        'globalVariables': {},
        'userNodes': {},
        'playbackConfig': {'speed': 1},
        'layout': _mosaic([about, *(_mosaic(row, 'row') for row in rows)], 'column'),
    }
    return {'foxglove_layout.json': json.dumps(layout, indent=2) + '\n'}


def _words(site: Site) -> str:
    rows = ['| class | RGB |', '|---|---|']
    rows += [f'| {one.name} | {one.color} |' for one in site.manifest.taxonomy.classes]
    return WORDS.format(bundle=site.manifest.name, legend='\n'.join(rows))


def _mosaic(parts: Sequence[Any], direction: str) -> Any:
    """Return panels side by side, all of one size: a tree of two at each knot."""
    if len(parts) == 1:
        return parts[0]
    return {
        'first': parts[0],
        'second': _mosaic(parts[1:], direction),
        'direction': direction,
        'splitPercentage': 100 / len(parts),
    }
