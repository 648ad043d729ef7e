# SPDX-License-Identifier: Apache-2.0
"""Goes over a whole split and gathers everything that is wrong."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
import os
from typing import TYPE_CHECKING

from seg_node.datasets.check.copies import leaks
from seg_node.datasets.check.findings import collect, Fault, PROBLEMS
from seg_node.datasets.check.inspect import inspect_pair, inspect_sample
from seg_node.datasets.check.tally import Tally
from seg_node.datasets.matching import match_files
from seg_node.datasets.pairs import PairDataset
from seg_node.datasets.registry import find_sources, open_dataset
from seg_node.datasets.regroup import regroup
from seg_node.datasets.subset import Subset
from seg_node.progress import progress
from seg_node.taxonomy import group_id_map, load_taxonomy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seg_node.datasets.base import Dataset
    from seg_node.datasets.check.findings import Finding
    from seg_node.datasets.check.inspect import Inspected
    from seg_node.datasets.matching import Pair
    from seg_node.datasets.pairs import Source
    from seg_node.taxonomy import Taxonomy

__all__ = ['Check', 'check_dataset']

THREADS = min(8, os.cpu_count() or 1)  # files are read and decoded outside Python's lock
PALETTE_IDS = 'Their indices are taken as class ids; their colours are not looked at.'
PALETTE_COLORS = 'Their colours are looked up; their indices are not looked at.'


@dataclass(frozen=True, slots=True)
class Check:
    """What a split holds and what is wrong with it.

    Attributes:
        dataset: As the user wrote it.
        split: The split.
        taxonomy: The classes that were counted.
        tally: Pixels and images of each class, sizes.
        findings: Problems, then what is worth knowing.
        samples: The samples without a problem.
    """

    dataset: str
    split: str
    taxonomy: Taxonomy
    tally: Tally
    findings: tuple[Finding, ...]
    samples: Dataset

    @property
    def problems(self) -> tuple[Finding, ...]:
        """What has to be mended."""
        return tuple(one for one in self.findings if one.is_problem)

    @property
    def notes(self) -> tuple[Finding, ...]:
        """What is worth knowing."""
        return tuple(one for one in self.findings if not one.is_problem)


def check_dataset(spec: str, split: str = 'val', taxonomy: str | None = None) -> Check:
    """Go over all samples of a split and over the files that belong to none.

    A broken file is a finding and does not end the check. Memory does not grow with the images:
    only counts and checksums are kept.

    Args:
        spec: As for ``open_dataset``.
        split: The split.
        taxonomy: Name or file of the classes to count; None for those of the data set.

    Raises:
        DatasetError: If the words are not understood, or there is no such split or layout.
        TaxonomyError: If the taxonomy is not known, or the labels cannot be grouped into it.
    """
    wanted = load_taxonomy(taxonomy) if taxonomy else None
    sources = find_sources(spec, split, wanted)
    if sources is None:
        return _check_made_up(spec, split, taxonomy)
    pairs, faults = _match(sources)
    code = sources[0].code
    target = wanted or code.taxonomy
    tally = Tally(target)
    look = partial(inspect_pair, code=code, table=group_id_map(code.taxonomy, target).table)
    good = _inspect(pairs, look, tally)
    faults += tally.faults()
    faults += leaks(spec, split, wanted, {pair.image: pair for pair in pairs}, tally)
    taken = PALETTE_COLORS if code.in_colors else PALETTE_IDS
    findings = collect(faults, {'palette': taken, **tally.extras})
    samples = regroup(PairDataset(good, code), target)
    return Check(spec, split, target, tally, findings, samples)


def _inspect(
    pairs: Sequence[Pair], look_at: Callable[[Pair], Inspected], tally: Tally
) -> tuple[Pair, ...]:
    """Look at all samples, several at a time; return those without a problem."""
    good = []
    pool = ThreadPoolExecutor(THREADS)
    try:
        looks = pool.map(look_at, pairs)
        looks = progress(looks, total=len(pairs), what='checking', unit='image')
        for pair, look in zip(pairs, looks, strict=True):
            tally.add(look)
            if not any(fault.kind in PROBLEMS for fault in look.faults):
                good.append(pair)
    finally:
        pool.shutdown(cancel_futures=True)  # an interrupt does not wait for the rest
    return tuple(good)


def _check_made_up(spec: str, split: str, taxonomy: str | None) -> Check:
    """Count what is in scenes that are in no files."""
    dataset = open_dataset(spec, split, taxonomy)
    tally = Tally(dataset.taxonomy)
    whole = Subset(dataset, tuple(range(len(dataset))))
    samples = (whole[index] for index in range(len(whole)))
    for sample in progress(samples, total=len(dataset), what='checking', unit='image'):
        tally.add(inspect_sample(sample))
    findings = collect(tally.faults(), tally.extras)
    return Check(spec, split, dataset.taxonomy, tally, findings, dataset)


def _match(sources: Sequence[Source]) -> tuple[list[Pair], list[Fault]]:
    """Return the complete pairs, and what else lies in the folders."""
    pairs: list[Pair] = []
    faults: list[Fault] = []
    for source in sources:
        found = match_files(source.images, source.labels)
        for files, count in ((source.images, found.images), (source.labels, found.labels)):
            if not count:
                faults.append(Fault('no_files', str(files.folder), f'named {files.pattern}'))
        pairs += [pair for pair in found.pairs if source.takes(pair.name)]
        for kind, alone in (
            ('missing_labels', found.images_alone),
            ('missing_images', found.labels_alone),
        ):
            faults += [
                Fault(kind, str(path)) for name, path in alone.items() if source.takes(name)
            ]
        faults += [
            Fault('same_name', str(second), f'as {first.name}') for first, second in found.twins
        ]
    return pairs, faults
