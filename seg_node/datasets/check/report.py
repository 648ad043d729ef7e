# SPDX-License-Identifier: Apache-2.0
"""The result of a check for people and for programs."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seg_node.datasets.check.findings import Finding
    from seg_node.datasets.check.run import Check

__all__ = ['as_json', 'as_text']

FORMAT = '1.0'
BAR = 30  # letters of the longest bar
LISTED = 5  # files that the text names for each finding


def as_text(check: Check) -> str:
    """Return what was found, for a terminal: a table of the classes, notes, problems."""
    tally = check.tally
    sizes = ', '.join(f'{height} x {width}' for height, width in list(tally.sizes)[:3])
    more = ' and others' if len(tally.sizes) > 3 else ''  # noqa: PLR2004 - as listed
    lines = [
        (
            f'{check.dataset}, split {check.split}: {tally.samples} samples, '
            f'{len(check.taxonomy)} classes of {check.taxonomy.name}, '
            f'images {sizes or "none"}{more} (height x width)'
        ),
        '',
        *_table(check),
    ]
    for title, findings in (('Notes', check.notes), ('Problems', check.problems)):
        if findings:
            lines += ['', f'{title}:']
            lines += [line for finding in findings for line in _finding(finding)]
    count = len(check.problems)
    verdict = f'{count} kinds of problems.' if count > 1 else '1 kind of problem.'
    return '\n'.join([*lines, '', verdict if count else 'No problems found.'])


def as_json(check: Check) -> dict[str, Any]:
    """Return everything as plain data, with all files."""
    tally = check.tally
    total = max(1, int(tally.pixels.sum()) + tally.unlabelled)
    return {
        'format': FORMAT,
        'dataset': check.dataset,
        'split': check.split,
        'taxonomy': check.taxonomy.name,
        'samples': tally.samples,
        'clean': not check.problems,
        'sizes': {f'{height}x{width}': count for (height, width), count in tally.sizes.items()},
        'classes': [
            {
                'name': name,
                'pixels': int(pixels),
                'share': round(int(pixels) / total, 6),
                'images': int(images),
            }
            for name, pixels, images in zip(
                check.taxonomy.names, tally.pixels, tally.images, strict=True
            )
        ],
        'unlabelled_share': round(tally.unlabelled / total, 6),
        'strange_values': dict(tally.strange),
        'problems': [_plain(finding) for finding in check.problems],
        'notes': [_plain(finding) for finding in check.notes],
    }


def _plain(finding: Finding) -> dict[str, Any]:
    files = [{'file': one.file, 'detail': one.detail} for one in finding.faults]
    return {
        'kind': finding.kind,
        'what': finding.what,
        'remedy': finding.remedy,
        'files': files,
    }


def _table(check: Check) -> Iterator[str]:
    """Yield a line for each class, the longest bar for the most frequent one."""
    tally = check.tally
    width = max(len(name) for name in (*check.taxonomy.names, 'unlabelled'))
    total = max(1, int(tally.pixels.sum()) + tally.unlabelled)
    top = max(1, int(np.max([*tally.pixels, tally.unlabelled])))
    yield f'{"class":<{width}}  pixels %  images'
    for name, pixels, images in zip(check.taxonomy.names, tally.pixels, tally.images, strict=True):
        bar = '#' * (round(BAR * pixels / top) or bool(pixels))
        yield f'{name:<{width}}  {100 * pixels / total:8.3f}  {images:6}  {bar}'.rstrip()
    bar = '#' * (round(BAR * tally.unlabelled / top) or bool(tally.unlabelled))
    line = f'{"unlabelled":<{width}}  {100 * tally.unlabelled / total:8.3f}  {"":6}  {bar}'
    yield line.rstrip()


def _finding(finding: Finding) -> Iterator[str]:
    yield f'* {finding.what}'
    if finding.kind == 'absent_classes':
        yield f'    {", ".join(one.file for one in finding.faults)}'
    else:
        yield from (f'    {one}' for one in finding.faults[:LISTED])
        if len(finding.faults) > LISTED:
            yield f'    and {len(finding.faults) - LISTED} more; --json lists all'
    if finding.remedy:
        yield f'  {finding.remedy}'
