# SPDX-License-Identifier: Apache-2.0
"""What weights amount to over a data set, and the page that shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from seg_node.cli.main import main
from seg_node.datasets.base import Sample
from seg_node.datasets.procedural import ProceduralScenes, write_scenes
from seg_node.drawing import fitted
from seg_node.training.recipe.loss import BoundaryPart, LossPart, WeightsPart
from seg_node.training.weights.sheet import draw_weights, formula, TILE_WIDTH, Weighed
from seg_node.training.weights.survey import survey_weights
from seg_node.training.weights.weight_maps import weight_map
from tiny import TAXONOMY

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.taxonomy import Taxonomy

WEIGHTS = np.array([0.5, 1.0, 4.0])
BOUNDARY = BoundaryPart(w0=2.0, sigma=2.0)
CLASSES = ('--taxonomy', 'cityscapes19')


def sample(name: str, seed: int) -> Sample:
    """Return a sample of blocks of classes and of nothing."""
    random = np.random.default_rng(seed)
    blocks = random.choice(np.array([0, 1, 2, 255], np.uint8), (4, 5))
    labels = np.kron(blocks, np.ones((6, 8), np.uint8))
    return Sample(name, np.full((*labels.shape, 3), 99, np.uint8), labels)


@dataclass(frozen=True)
class Three:
    """Three samples."""

    taxonomy: Taxonomy = TAXONOMY
    samples: list[Sample] = field(default_factory=lambda: [sample(str(n), n) for n in range(3)])

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        """Return a sample."""
        return self.samples[index]


def test_survey_sums_over_all_images() -> None:
    data = Three()

    survey = survey_weights(data, WEIGHTS, BOUNDARY)

    labels = np.stack([one.labels for one in data.samples])
    maps = np.stack([weight_map(one, WEIGHTS, BOUNDARY) for one in labels])
    known = labels != 255
    assert survey.images == 3
    assert survey.pixels.tolist() == [(labels == k).sum() for k in range(3)]
    assert survey.weight == pytest.approx([maps[labels == k].sum() for k in range(3)], rel=1e-5)
    assert survey.lightest == pytest.approx(maps[known].min())
    assert survey.heaviest == pytest.approx(maps.max())
    assert survey.histogram.sum() == known.sum()
    expected = maps.sum(0) / np.maximum(known.sum(0), 1)
    assert survey.mean == pytest.approx(expected, rel=1e-5)


def test_class_of_weight_zero_is_not_the_lightest() -> None:
    survey = survey_weights(Three(), np.array([0.0, 1.0, 4.0]), BoundaryPart())

    assert survey.lightest == 1.0
    assert survey.histogram.sum() == survey.pixels[1:].sum()


def test_page_shows_the_weight_map_of_its_samples_in_the_colours_of_the_scale() -> None:
    data = Three()
    survey = survey_weights(data, WEIGHTS, BOUNDARY)
    weighed = Weighed(TAXONOMY, WEIGHTS, LossPart(boundary=BOUNDARY), survey)

    page = draw_weights('a title', data.samples[:2], weighed)

    painted = weighed.scale.paint(weight_map(data.samples[1].labels, WEIGHTS, BOUNDARY))
    tile = fitted(painted, round(TILE_WIDTH * 24 / 40), TILE_WIDTH)
    assert float(cv2.matchTemplate(page, tile, cv2.TM_SQDIFF).min()) < tile.size  # rounding


def test_page_of_images_without_a_label_is_drawn() -> None:
    empty = Sample('empty', np.zeros((9, 9, 3), np.uint8), np.full((9, 9), 255, np.uint8))
    survey = survey_weights(Three(samples=[empty]), WEIGHTS, BOUNDARY)

    page = draw_weights('a title', [empty], Weighed(TAXONOMY, WEIGHTS, LossPart(), survey))

    assert page.shape[2] == 3


def test_formula_names_every_choice() -> None:
    loss = LossPart(
        class_weights=WeightsPart('enet', power=0.5, clip=(0.3, 4.0)),
        boundary=BoundaryPart(w0=2.0, sigma=3.0),
    )

    text = formula(loss)

    assert '1 + 2 exp(-d^2 / (2 * 3^2))' in text
    assert 'enet, to the power of 0.5, clipped to 0.3..4' in text


@pytest.fixture(scope='module')
def scenes(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a data set of two small scenes."""
    folder = tmp_path_factory.mktemp('scenes')
    write_scenes(ProceduralScenes(2, seed=3, size=(48, 64)), folder)
    return f'folder:{folder}'


@pytest.mark.parametrize('of', ['data set', 'recipe'])
def test_show_weights_writes_a_page(
    of: str, scenes: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / 'weights.png'
    of_recipe = ['smoke', f'data.train.0.dataset={scenes}']
    what = of_recipe if of == 'recipe' else [scenes, *CLASSES]

    status = main(['show-weights', *what, 'loss.boundary.w0=4', '-o', str(file)])

    assert status == 0
    assert capsys.readouterr().out.strip() == str(file)
    page = cv2.imread(str(file))
    assert page is not None
    assert page.shape[1] > 1000


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (['name=x'], "Override 'name=x' needs a recipe"),
        (['--sample', '9'], 'There is no sample 9; the data set has 2'),
        (['loss.dcie=1'], 'dcie'),
    ],
)
def test_show_weights_says_what_is_wrong(
    arguments: list[str],
    said: str,
    scenes: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = str(tmp_path / 'weights.png')

    status = main(['show-weights', scenes, *CLASSES, *arguments, '-o', output])

    assert status == 1
    assert said in capsys.readouterr().err
