# SPDX-License-Identifier: Apache-2.0
"""The drivable area as a stage of the pipeline: limits, memory of the frame before, filters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from seg_node.imaging.drivable import drivable_area, drivable_table
from seg_node.imaging.drivable_filters import ego_region, fill_holes, keep_reachable
from seg_node.pipeline.sequence import Sequence

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.bundle import Manifest
    from seg_node.pipeline.options import SegmenterOptions

    UInt8Array = npt.NDArray[np.uint8]
    BoolArray = npt.NDArray[np.bool_]

__all__ = ['DrivableStage', 'Evidence']

UNMEASURED_THRESHOLD = 0.5  # for bundles without one of their own


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a frame when its drivable area is made; every array has the image's size.

    Attributes:
        labels: (H, W) uint8 class ids, those that are published.
        confidence: (H, W) uint8, 255 x probability of them; ``None`` if ``area`` is there.
        entropy: (H, W) uint8, 255 x normalised entropy; ``None`` if ``area`` is there.
        area: (H, W) uint8, what the engine found by the limits of ``on_device``; ``None`` if it
            was not asked or leaves it to the caller. It is written to.
        others: Label maps that have to say drivable, too.
        own_vehicle: (H, W) bool, true where the image shows the own vehicle or the lens; ``None``
            if it never does.
    """

    labels: UInt8Array
    confidence: UInt8Array | None
    entropy: UInt8Array | None
    area: UInt8Array | None = None
    others: tuple[UInt8Array, ...] = ()
    own_vehicle: BoolArray | None = None


@dataclass(frozen=True, slots=True)
class _Region:
    """An ego region and what it was made for.

    Attributes:
        pixels: (H, W) uint8, from ``ego_region``.
        made_for: Shape of the image, and the shares of the region.
        mask: Of the own vehicle.
    """

    pixels: UInt8Array
    made_for: tuple[object, object]
    mask: BoolArray | None


class DrivableStage:
    """Makes the drivable area of the frames of one camera."""

    def __init__(self, manifest: Manifest) -> None:
        """Remember the classes of the bundle and the threshold that it was measured with."""
        self._manifest = manifest
        self._classes: tuple[str, ...] = ()
        self._table = drivable_table(manifest.taxonomy)
        self._sequence = Sequence()
        self._before: UInt8Array | None = None
        self._region: _Region | None = None

    def limits(self, options: SegmenterOptions) -> tuple[float, float]:
        """Return the least probability and the largest entropy of a drivable pixel."""
        chosen = options.drivable_min_probability
        measured = self._manifest.drivable_threshold
        least = chosen if chosen is not None else measured or UNMEASURED_THRESHOLD
        return least, options.drivable_max_entropy

    def on_device(self, options: SegmenterOptions) -> tuple[float, float] | None:
        """Return the limits by which an engine finds the area; ``None`` if it cannot.

        It knows the bundle's classes and one frame; the filters are applied to what it finds.
        """
        if options.drivable_classes or options.drivable_hysteresis:
            return None
        return self.limits(options)

    def __call__(
        self, found: Evidence, options: SegmenterOptions, stamp: float | None
    ) -> UInt8Array:
        """Return where one may drive: (H, W) uint8, 255 drivable, 0 not or not sure.

        Args:
            found: About the frame.
            options: Thresholds and filters.
            stamp: When the image was taken [s]; ``None`` for one that is no part of a sequence.

        Raises:
            TaxonomyError: If the bundle lacks a class that is named.
        """
        if options.drivable_classes != self._classes:
            self._table = drivable_table(self._manifest.taxonomy, options.drivable_classes)
            self._classes = options.drivable_classes
        area = found.area if found.area is not None else self._thresholded(found, options, stamp)
        for labels in found.others:
            area &= self._table[labels]
        if found.own_vehicle is not None:
            area[found.own_vehicle] = 0
        if options.drivable_max_hole:
            self._fill(area, found, options)
        if options.drivable_reachable:
            keep_reachable(area, self._ego_region(found, options))
        return area

    def _thresholded(
        self, found: Evidence, options: SegmenterOptions, stamp: float | None
    ) -> UInt8Array:
        """Apply the limits; to pixels that were not drivable before, stricter ones."""
        least, most = self.limits(options)
        share = options.drivable_hysteresis
        if not share:
            return self._within(found, least, most)
        strict = self._within(found, least + share * (1.0 - least), most * (1.0 - share))
        if stamp is None:
            return strict
        follows = self._sequence.follows(found.labels.shape[:2], stamp)
        area = strict
        if follows and self._before is not None:
            area |= self._before & self._within(found, least, most)
        self._before = area.copy()  # the filters write to the area
        return area

    def _within(self, found: Evidence, least: float, most: float) -> UInt8Array:
        if found.confidence is None or found.entropy is None:
            msg = 'Expected confidence and entropy, because no engine has found the area.'
            raise ValueError(msg)
        return drivable_area(
            found.labels,
            found.confidence,
            found.entropy,
            self._table,
            min_probability=least,
            max_entropy=most,
        )

    def _fill(self, area: UInt8Array, found: Evidence, options: SegmenterOptions) -> None:
        """Fill small holes in which every label map says drivable."""
        named = np.asarray(cv2.LUT(found.labels, self._table), np.uint8)
        for labels in found.others:
            named &= self._table[labels]
        if found.own_vehicle is not None:
            named[found.own_vehicle] = 0
        fill_holes(area, named, int(options.drivable_max_hole * area.size))

    def _ego_region(self, found: Evidence, options: SegmenterOptions) -> UInt8Array:
        """Return the ego region; it is kept until size, shares or mask change."""
        shape = found.labels.shape
        shares = options.drivable_ego_width, options.drivable_ego_height
        kept = self._region
        if kept is None or kept.made_for != (shape, shares) or kept.mask is not found.own_vehicle:
            region = ego_region((shape[0], shape[1]), *shares, found.own_vehicle)
            kept = self._region = _Region(region, (shape, shares), found.own_vehicle)
        return kept.pixels
