# SPDX-License-Identifier: Apache-2.0
"""Figures of runs, scenes, frames and accuracy, each by itself."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from seg_node.benchmark.accuracy import AtSize, measured_before
from seg_node.benchmark.drive import fitted, store_drive
from seg_node.benchmark.measure import figures, searched
from seg_node.benchmark.options import BenchmarkOptions, Scene
from seg_node.benchmark.run import percentile, Run
from seg_node.benchmark.stage import camera_names, parameters
from seg_node.bundle import open_bundle
from seg_node.datasets import open_dataset
from seg_node.errors import DemoError, ProcessError
from tiny import scene


@pytest.mark.parametrize('count', [1, 7, 100])
@pytest.mark.parametrize('share', [0.5, 0.95, 0.99])
def test_percentile_is_numpys_inverted_distribution(count: int, share: float) -> None:
    values = np.random.default_rng(count).random(count)

    assert percentile(values.tolist(), share) == np.quantile(values, share, method='inverted_cdf')


def test_run_gives_milliseconds_and_percent() -> None:
    run = Run(sent=4, latencies=(0.02, 0.01, 0.03), span=0.5, cpu=0.06, late=0.002)

    assert run.to_dict() == {
        'sent': 4,
        'lost_percent': 25.0,
        'late_ms': 2.0,
        'p50': 20.0,
        'p95': 30.0,
        'p99': 30.0,
        'cpu': pytest.approx(20.0),
        'rate': 6.0,
    }


def test_figures_pool_latencies_and_take_medians_of_the_rest() -> None:
    runs = [Run(2, (0.01, 0.01), 1.0, cpu) for cpu in (0.02, 0.2, 0.04)]
    runs[1] = Run(3, (0.5, 0.01), 1.0, 0.2)

    found = figures(runs)

    assert found['latency_ms'] == {'p50': 10.0, 'p95': 500.0, 'p99': 500.0}
    assert found['cpu_ms'] == pytest.approx(20.0)
    assert (found['frames'], found['lost']) == (6, 1)


def test_run_without_an_answer_has_no_figures_and_is_an_error() -> None:
    empty = Run(3, (), 1.0, 0.1)

    assert set(empty.to_dict()) == {'sent', 'lost_percent', 'late_ms'}
    with pytest.raises(ProcessError, match='no answer'):
        figures([empty])


def test_scene_without_a_highest_rate_says_why_and_ends_no_benchmark() -> None:
    found = searched(lambda _: Run(4, (), 1.0, 0.1), 10.0)

    assert found['highest_rate'] is None
    assert 'of the frames are lost' in found['no_rate']


def test_highest_rate_comes_with_the_runs_that_confirm_it() -> None:
    found = searched(lambda rate: Run(100, (0.1,) * min(100, int(1000 / rate)), 1.0, 1.0), 10.0)

    assert found['highest_rate']['rate'] == pytest.approx(10.0, rel=0.06)
    assert [one['sent'] for one in found['highest_rate']['runs']] == [100] * 3


def test_scenes_are_those_that_were_asked_for() -> None:
    usual = [one.key for one in BenchmarkOptions().scenes()]
    quick = [one.key for one in BenchmarkOptions().quick().scenes()]

    assert len(usual) == len(set(usual)) == 1 + 3 + 6 + 6
    assert {'engine', 'pipeline.1080p', 'node.480p.6', 'same_process.720p.1'} < set(usual)
    assert quick == ['engine', 'pipeline.720p', 'node.720p.1']


def test_several_cameras_have_names_and_one_has_none() -> None:
    options = BenchmarkOptions(threads=2)
    one, six = (Scene('node', '720p', count) for count in (1, 6))

    assert 'cameras' not in parameters(one, options, Path('bundle'))
    assert parameters(six, options, Path('bundle'))['cameras'] == camera_names(6)
    assert len(set(camera_names(6))) == 6
    assert camera_names(1) == ['']


@pytest.mark.parametrize('size', [(48, 85), (30, 53), (90, 160)])
def test_fitted_keeps_the_middle_and_its_proportions(size: tuple[int, int]) -> None:
    image = np.zeros((60, 80, 3), np.uint8)
    cv2.circle(image, (40, 30), 15, (255, 255, 255), -1)

    found = fitted(image, size)
    rows, columns = np.nonzero(found[:, :, 0] > 127)

    assert found.shape == (*size, 3)
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), abs=2)
    assert rows.mean() == pytest.approx((size[0] - 1) / 2, abs=2.5)
    assert columns.mean() == pytest.approx((size[1] - 1) / 2, abs=2.5)


def test_labels_are_never_mixed_by_scaling() -> None:
    labels = np.where(np.arange(80) % 2, 18, 0).astype(np.uint8)[None].repeat(60, axis=0)

    assert set(np.unique(fitted(labels, (100, 178)))) == {0, 18}


def test_drive_is_stored_at_every_size_in_order(tmp_path: Path) -> None:
    (tmp_path / 'in').mkdir()
    for index in range(3):
        cv2.imwrite(str(tmp_path / 'in' / f'{index}.png'), scene((45, 80), index)[0][:, :, ::-1])
    options = BenchmarkOptions(drive=tmp_path / 'in', frames=2)

    words = store_drive(options, {'a': (45, 80), 'b': (90, 160)}, tmp_path)

    assert words == 'images of in, 2 frames'
    np.testing.assert_array_equal(np.load(tmp_path / 'a' / '000001.npy'), scene((45, 80), 1)[0])
    assert np.load(tmp_path / 'b' / '000000.npy').shape == (90, 160, 3)
    assert len(list((tmp_path / 'b').iterdir())) == 2


def test_drive_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match='There is no input'):
        store_drive(BenchmarkOptions(drive=tmp_path / 'none'), {}, tmp_path)


def test_accuracy_is_measured_on_images_and_truth_of_one_size() -> None:
    dataset = AtSize(open_dataset('procedural:2'), (120, 213))

    sample = dataset[1]

    assert sample.image.shape == (120, 213, 3)
    assert sample.labels.shape == (120, 213)
    assert set(np.unique(sample.labels)) <= set(np.unique(dataset.dataset[1].labels))
    assert len(dataset) == 2


@pytest.mark.parametrize('name', ['default', 'procedural'])
def test_accuracy_beside_the_speed_is_what_the_manifest_tells(name: str) -> None:
    bundle = open_bundle(name)

    found = measured_before(bundle)

    assert found is not None
    assert 0.3 < found['mean_iou'] < 0.9
    assert str(found['mean_iou']) in str(bundle.manifest.quality)
    assert found['source'].startswith('manifest, ')
    assert found['at_this_size'] is False
