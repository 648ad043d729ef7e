# SPDX-License-Identifier: Apache-2.0
"""Cross-validation: what is measured was never tuned on, and the rest of the way to a bundle."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
import json
import time
from typing import Any, TYPE_CHECKING

import pytest

from seg_node.bundle import open_bundle
from seg_node.crf import from_plain
from seg_node.crf.tuned import tuned_crf
from seg_node.errors import BundleError, DatasetError, ParameterError
from seg_node.taxonomy import load_taxonomy
from seg_node.tuning import (
    as_json,
    as_text,
    check_drives,
    check_target,
    check_work,
    write_preset,
)
from seg_node.tuning.frames import Drive
from seg_node.tuning.measure import interleaved, Part
from tiny import TAXONOMY, tiny_bundle

from .conftest import drive_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from seg_node.crf import CrfOptions
    from seg_node.tuning.frames import Frame
    from seg_node.tuning.search import Search
    from seg_node.tuning.tune import Tuning

    MakeDrive = Callable[..., Drive]

needs_optuna = pytest.mark.needs_optuna
TRIALS = 4


@pytest.fixture(scope='module')
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of ``tuned``."""
    return tmp_path_factory.mktemp('work')


@pytest.fixture(scope='module')
def tuned(work: Path) -> Tuning:
    """The outcome for three drives of two frames each."""
    return tune_drives(work, 3)


def tune_drives(work: Path, count: int) -> Tuning:
    """Tune on some drives of two frames each."""
    from seg_node.tuning.tune import Budget, split_into_parts, tune  # noqa: PLC0415 - optuna

    drives = [drive_of([2 * one, 2 * one + 1], work / f'drive {one}') for one in range(count)]
    return tune(split_into_parts(drives), Budget(trials=TRIALS, frames=2), work / 'trials.jsonl')


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """Which drives were looked at from the beginning of a search to that of the next."""
    from seg_node.tuning import search, tune  # noqa: PLC0415 - optuna

    seen: dict[str, set[str]] = {}
    refined = Drive.refined

    class Noted(search.Search):
        def __init__(self, file: Path, name: str, *rest: Any) -> None:
            seen[name] = set()
            super().__init__(file, name, *rest)

    def spied(drive: Drive, frame: Frame, options: CrfOptions) -> npt.NDArray[np.uint8]:
        list(seen.values())[-1].add(drive.data)
        return refined(drive, frame, options)

    monkeypatch.setattr(tune, 'Search', Noted)
    monkeypatch.setattr(Drive, 'refined', spied)
    return seen


@needs_optuna
def test_what_is_chosen_for_a_drive_was_never_tried_on_it(
    looks: dict[str, set[str]], tmp_path: Path
) -> None:
    tune_drives(tmp_path, 2)

    assert looks['without tiny on drive 0'] == {'drive 1'}
    assert looks['without tiny on drive 1'] == {'drive 0'}
    assert looks['all'] == {'drive 0', 'drive 1'}


@needs_optuna
def test_there_is_a_search_without_each_drive_and_one_on_all(tuned: Tuning, work: Path) -> None:
    lines = (work / 'trials.jsonl').read_text(encoding='utf-8').splitlines()
    searches = Counter(json.loads(line)['search'] for line in lines)

    names = [f'without {part.name}' for part in tuned.parts]
    assert searches == dict.fromkeys([*names, 'all'], TRIALS)
    assert [len(choice.frames) for choice in tuned.choices] == [4, 4, 4]
    assert [len(frames) for frames in tuned.held_out] == [2, 2, 2]
    assert len(tuned.final.frames) == 6


@needs_optuna
def test_a_run_that_goes_on_gives_what_it_gave(tuned: Tuning, work: Path) -> None:
    before = (work / 'trials.jsonl').read_bytes()

    again = tune_drives(work, 3)

    assert (work / 'trials.jsonl').read_bytes() == before
    assert again.final.options == tuned.final.options
    assert as_json(again)['held_out'] == as_json(tuned)['held_out']


@needs_optuna
def test_a_single_drive_is_cut_into_stretches(make_drive: MakeDrive) -> None:
    from seg_node.tuning.tune import split_into_parts  # noqa: PLC0415 - optuna

    parts = split_into_parts([make_drive(range(7))])

    assert [part.frames for part in parts] == [(0, 1), (2, 3), (4, 5, 6)]


@needs_optuna
def test_pooled_figures_are_sums_over_what_was_held_out(tuned: Tuning) -> None:
    data = as_json(tuned)

    parts = data['parts']
    before = sum(part['boundary_f1'][0] * part['frames'] for part in parts) / 6
    after = sum(part['boundary_f1'][1] * part['frames'] for part in parts) / 6
    assert data['held_out']['boundary_f1'] == pytest.approx([before, after], abs=1e-6)
    assert set(data['held_out']['class_iou']) == set(TAXONOMY.names)
    assert 0 < data['gate']['frames']['share'] <= 1
    assert from_plain(data['preset']).kernels == tuned.final.options.kernels
    assert json.loads(json.dumps(data)) == data


@needs_optuna
def test_the_text_has_drives_classes_gate_preset_and_verdict(tuned: Tuning) -> None:
    text = as_text(as_json(tuned))

    wanted = ('tiny on drive 1', 'pooled', 'green road', 'of the gain %', 'compat:', 'gate:')
    assert [words for words in wanted if words not in text] == []
    assert ('All bars are met' in text) != ('Bars that are missed' in text)


def report(*faults: str) -> dict[str, Any]:
    """Return a report as ``as_json`` makes it, with what a bundle keeps of it."""
    return {
        'faults': list(faults),
        'note': 'note',
        'taxonomy': 'tiny3',
        'preset': {'iterations': 3, 'kernels': [{'kind': 'gaussian', 'sxy': 2.0, 'compat': 1.0}]},
        'preset_gate': {'entropy_threshold': 0.3, 'min_uncertain_fraction': 0.1},
        'held_out': {
            'mean_iou': [0.5, 0.5],
            'boundary_f1': [0.5, 0.6],
            'class_iou': {},
            'class_boundary_f1': {},
        },
        'gate': {},
        'crf_ms': {'clock': 1.0, 'processor': 1.0},
        'crf_backend': 'numpy',
        'image_size': [48, 64],
        'machine': {},
        'parts': [{'bundle': 'a', 'sha256': '0', 'data': 'b', 'frames': 3, 'name': 'a on b'}],
    }


@pytest.mark.needs_onnx
def test_a_preset_goes_into_a_bundle_and_leaves_the_rest_alone(tmp_path: Path) -> None:
    before = tiny_bundle(tmp_path / 'bundle').manifest

    write_preset(tmp_path / 'bundle', report())

    after = open_bundle(tmp_path / 'bundle').manifest
    tuned = tuned_crf(after)
    assert replace(after, crf={}) == before
    assert tuned is not None
    assert tuned.enabled
    assert tuned.options.iterations == 3
    assert after.crf['measured']['boundary_f1'] == [0.5, 0.6]
    assert after.crf['measured']['sources'] == [
        {'bundle': 'a', 'sha256': '0', 'data': 'b', 'frames': 3}
    ]


@pytest.mark.needs_onnx
def test_a_preset_that_misses_a_bar_is_refused_or_written_switched_off(tmp_path: Path) -> None:
    tiny_bundle(tmp_path / 'bundle')

    with pytest.raises(BundleError, match=r'Boundary F1 falls\. Nothing was written'):
        write_preset(tmp_path / 'bundle', report('Boundary F1 falls.'))
    assert open_bundle(tmp_path / 'bundle').manifest.crf == {}

    write_preset(tmp_path / 'bundle', report('Boundary F1 falls.'), off_if_missed=True)
    tuned = tuned_crf(open_bundle(tmp_path / 'bundle').manifest)
    assert tuned is not None
    assert not tuned.enabled
    assert tuned.why_not == 'Boundary F1 falls.'


@pytest.mark.needs_onnx
def test_a_bundle_with_other_classes_is_no_target(tmp_path: Path) -> None:
    tiny_bundle(tmp_path / 'bundle')

    check_target(tmp_path / 'bundle', TAXONOMY)
    with pytest.raises(BundleError, match="'tiny3', the preset is tuned for those of 'camvid11'"):
        check_target(tmp_path / 'bundle', load_taxonomy('camvid11'))


def test_a_frame_in_two_drives_is_refused(make_drive: MakeDrive) -> None:
    drives = [make_drive([0, 1, 2], 'one'), make_drive([2, 3, 4], 'other')]

    with pytest.raises(DatasetError, match="'tiny on one' and in 'tiny on other'"):
        check_drives(drives)


def test_too_few_frames_are_refused(make_drive: MakeDrive) -> None:
    with pytest.raises(DatasetError, match='There are 3 frames; expected at least 6'):
        check_drives([make_drive([0, 1, 2])])


def test_drives_with_other_classes_are_refused(make_drive: MakeDrive) -> None:
    one = make_drive(range(6))

    with pytest.raises(DatasetError, match='Pool models of the same classes'):
        check_drives([one, replace(one, taxonomy=load_taxonomy('camvid11'))])


def test_a_work_folder_is_for_one_setup(tmp_path: Path) -> None:
    check_work(tmp_path / 'work', {'seed': 0})
    check_work(tmp_path / 'work', {'seed': 0})

    with pytest.raises(ParameterError, match='of other bundles, data or options'):
        check_work(tmp_path / 'work', {'seed': 1})


def test_a_work_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'work').write_text('', encoding='utf-8')

    with pytest.raises(ParameterError, match='cannot be used'):
        check_work(tmp_path / 'work', {})


def test_every_beginning_of_the_order_has_a_fair_share_of_each_part(
    make_drive: MakeDrive,
) -> None:
    short, long = make_drive(range(4), 'short'), make_drive(range(8), 'long')
    parts = [Part(short, (0, 1, 2, 3), 'short'), Part(long, tuple(range(8)), 'long')]

    order = interleaved(parts, 8, seed=0)

    assert sorted(index for drive, index in order if drive is long) == list(range(8))
    assert sum(drive is short for drive, _ in order[:6]) == 2
    assert interleaved(parts, 2, seed=0) == interleaved(parts, 2, seed=0)
    assert {index for drive, index in interleaved(parts, 2, seed=0) if drive is long} == {0, 4}


@needs_optuna
def test_every_search_has_an_equal_share_of_the_time_however_long_measuring_takes(
    make_drive: MakeDrive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seg_node.tuning import search, tune  # noqa: PLC0415 - optuna

    shares = []
    run = search.Search.run

    def timed(self: Search, climb: Any, trials: int, deadline: float, after: Any) -> None:
        shares.append(deadline - time.monotonic())
        run(self, climb, trials, time.monotonic(), after)

    monkeypatch.setattr(search.Search, 'run', timed)
    drives = [make_drive([2 * one, 2 * one + 1], f'drive {one}') for one in range(2)]
    budget = tune.Budget(trials=TRIALS, frames=2, minutes=1.0)

    done = tune.tune(tune.split_into_parts(drives), budget, tmp_path / 'trials.jsonl')

    assert shares == pytest.approx([20.0] * 3, abs=1.0)
    assert done.final.trials == 1
