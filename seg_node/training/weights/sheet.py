# SPDX-License-Identifier: Apache-2.0
"""A page that shows what pixels weigh: samples, the mean over a data set, and each class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seg_node.drawing import (
    draw_color_bar,
    draw_ticks,
    fitted,
    RatioScale,
    Sheet,
    SheetRow,
    text_width,
    write,
)
from seg_node.drawing.typography import MUTED
from seg_node.imaging import colorize
from seg_node.training.weights.survey import EDGES
from seg_node.training.weights.weight_maps import weight_map

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from seg_node.datasets.base import Sample
    from seg_node.taxonomy import Taxonomy
    from seg_node.training.recipe.loss import LossPart
    from seg_node.training.weights.survey import WeightSurvey

    Float64Array = npt.NDArray[np.float64]
    UInt8Array = npt.NDArray[np.uint8]

COLUMNS = ('image', 'labels', 'weight')
NOTHING = 'no label: weighs nothing'
MEANING = 'what a pixel counts in the loss; 1 is a pixel of class weight 1 far from boundaries'
PIXEL_COLOR, WEIGHT_COLOR = (176, 182, 190), (217, 95, 14)  # grey, and the orange of the scale
# All in [px].
TILE_WIDTH = 420
MARGIN = 28
BAR_TOP = 34  # of the colour bar under its title
BAR_BLOCK = 100
LINE = 24
SIZE = 15
SWATCH = 14
HEAD = 40
BIN = 6
HISTOGRAM_HEIGHT = 80
HISTOGRAM_FOOT = 26
HISTOGRAM_BLOCK = 44 + HISTOGRAM_HEIGHT + HISTOGRAM_FOOT
GAP = 24
COLUMN = 118
SHARES_WIDTH = 96
TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Weighed:
    """What the page is about.

    Attributes:
        taxonomy: K classes.
        class_weights: (K,).
        loss: Where the weights come from.
        survey: Of the whole data set.
    """

    taxonomy: Taxonomy
    class_weights: Float64Array
    loss: LossPart
    survey: WeightSurvey

    @property
    def scale(self) -> RatioScale:
        """What the colours of weights mean."""
        if not self.survey.heaviest:
            return RatioScale.around(1.0, 1.0)
        return RatioScale.around(self.survey.lightest, self.survey.heaviest)


def draw_weights(title: str, samples: Sequence[Sample], weighed: Weighed) -> UInt8Array:
    """Draw the page.

    Args:
        title: Of the page.
        samples: Of the data set, one line of pictures each.
        weighed: What it is about.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    rows = [_row(sample, weighed) for sample in samples]
    keys = {'no label': (0, 0, 0)}
    subtitle = formula(weighed.loss)
    sheet = Sheet(title, subtitle, COLUMNS, rows, weighed.taxonomy, keys, '', TILE_WIDTH)
    lower = _lower_part(sheet.width, sheet.left(0), weighed)
    return np.concatenate([sheet.draw()[: -MARGIN // 2], lower])


def _row(sample: Sample, weighed: Weighed) -> SheetRow:
    weights = weight_map(sample.labels, weighed.class_weights, weighed.loss.boundary)
    known = weights[weights > 0]
    caption = [_short(sample.name), 'no label']
    if known.size:
        caption[1:] = [f'{known.min():.2g} to {known.max():.2g}', f'mean {known.mean():.2f}']
    labels = colorize(sample.labels, weighed.taxonomy)
    return SheetRow(caption, (sample.image, labels, weighed.scale.paint(weights)))


def formula(loss: LossPart) -> str:
    """Return in one line where the weights come from."""
    options, near = loss.class_weights, loss.boundary
    flat = '' if options.power == 1 else f', to the power of {options.power:g}'
    clipped = f', clipped to {options.clip[0]:g}..{options.clip[1]:g}'
    plain = options.kind in {'none', 'given'}
    classes = f'class weights: {options.kind}{"" if plain else flat + clipped}'
    if not near.w0:
        return f'weight = class weight; {classes}; nothing added at boundaries'
    return (
        f'weight = class weight * (1 + {near.w0:g} exp(-d^2 / (2 * {near.sigma:g}^2))), '
        f'd [px] to the nearest boundary; {classes}'
    )


def _short(name: str, longest: int = 22) -> str:
    return name if len(name) <= longest else f'...{name[3 - longest :]}'


def _lower_part(width: int, left: int, weighed: Weighed) -> UInt8Array:
    """Return colour bar, mean map, histogram and table of classes."""
    survey, scale = weighed.survey, weighed.scale
    picture = scale.paint(survey.mean)
    map_height = round(TILE_WIDTH * min(1.0, picture.shape[0] / picture.shape[1]))
    table = np.count_nonzero(survey.pixels) * LINE
    top = BAR_BLOCK + HEAD
    page = np.full((top + max(map_height + HISTOGRAM_BLOCK, table) + MARGIN, width, 3), 255)
    page = page.astype(np.uint8)
    write(page, 'weight', (MARGIN, BAR_TOP - 10), size=SIZE, weight=600)
    write(page, MEANING, (left, BAR_TOP - 10), size=SIZE, color=MUTED)
    draw_color_bar(page, (left, BAR_TOP), 2 * TILE_WIDTH, scale, NOTHING)
    images = 'image' if survey.images == 1 else 'images'
    text = f'mean weight over {survey.images} {images}'
    write(page, text, (left, top - 12), size=SIZE, weight=600)
    page[top : top + map_height, left : left + TILE_WIDTH] = fitted(
        picture, map_height, TILE_WIDTH
    )
    _draw_histogram(page, (left, top + map_height), survey, scale)
    _draw_classes(page, (left + TILE_WIDTH + MARGIN, top), weighed)
    return page


def _draw_histogram(
    page: UInt8Array, place: tuple[int, int], survey: WeightSurvey, scale: RatioScale
) -> None:
    """Draw how many pixels weigh how much, in the colours of the scale."""
    x, y = place
    ends = np.geomspace(scale.low, scale.high, TILE_WIDTH // BIN + 1)
    centres = np.sqrt(EDGES[1:] * EDGES[:-1])
    counts = np.histogram(centres, ends, weights=survey.histogram)[0]
    heights = np.rint(HISTOGRAM_HEIGHT * counts / max(counts.max(), 1.0)).astype(int)
    colors = scale.paint(np.sqrt(ends[1:] * ends[:-1])[None])[0]
    share = 100 * counts.max() / max(counts.sum(), 1.0)
    end = write(page, 'pixels by weight', (x, y + 30), size=SIZE, weight=600)
    text = f'highest bar: {share:.0f} % of all labelled'
    write(page, text, (end + 8, y + 30), size=SIZE, color=MUTED)
    base = y + HISTOGRAM_BLOCK - HISTOGRAM_FOOT
    for place_of_bin, (height, color) in enumerate(zip(heights, colors, strict=True)):
        left = x + place_of_bin * BIN
        page[base - height : base, left : left + BIN - 1] = color
    page[base, x : x + TILE_WIDTH] = MUTED
    draw_ticks(page, (x, base + 1), TILE_WIDTH, scale)


def _draw_classes(page: UInt8Array, place: tuple[int, int], weighed: Weighed) -> None:
    """Draw each class with its weights, and its share of the pixels and of the weight."""
    (x, y), survey, taxonomy = place, weighed.survey, weighed.taxonomy
    names = max(text_width(name, size=SIZE) for name in taxonomy.names)
    first = x + SWATCH + 8 + names + GAP
    second, bars = first + COLUMN, first + 2 * COLUMN
    room = page.shape[1] - MARGIN - bars - SHARES_WIDTH
    sums = np.stack([survey.pixels, survey.weight], 1)
    shares = sums / np.maximum(sums.sum(0), TINY)
    for column, text in ((first, 'class weight'), (second, 'mean weight')):
        write(page, text, (column, y - 12), size=SIZE, weight=600)
    end = write(page, 'share of pixels', (bars, y - 12), size=SIZE, weight=600, color=MUTED)
    write(page, 'and of weight', (end + 8, y - 12), size=SIZE, weight=600, color=WEIGHT_COLOR)
    for k in np.flatnonzero(survey.pixels):
        page[y + 4 : y + 4 + SWATCH, x : x + SWATCH] = taxonomy.colors[k]
        write(page, taxonomy.names[k], (x + SWATCH + 8, y + 16), size=SIZE)
        write(page, f'{weighed.class_weights[k]:.2f}', (first, y + 16), size=SIZE)
        mean = survey.weight[k] / survey.pixels[k]
        write(page, f'{mean:.2f}', (second, y + 16), size=SIZE)
        lengths = np.maximum(1, np.rint(room * shares[k] / shares.max())).astype(int)
        for length, color, drop in zip(lengths, (PIXEL_COLOR, WEIGHT_COLOR), (3, 11), strict=True):
            page[y + drop : y + drop + 7, bars : bars + length] = color
        text = f'{100 * shares[k, 0]:.1f} / {100 * shares[k, 1]:.1f} %'
        write(page, text, (bars + int(lengths.max()) + 8, y + 16), size=13, color=MUTED)
        y += LINE
