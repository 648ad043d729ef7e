# SPDX-License-Identifier: Apache-2.0
"""The CRF in the running node: its parameters, and what the node tells of each frame."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
import re
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

from seg_node.bundle import open_bundle
from seg_node.crf import CrfOptions, GaussianKernel
from seg_node.errors import CrfError
from seg_node.pipeline import (
    CrfChoice,
    open_segmenter,
    refinement,
    SegmenterOptions,
    with_crf,
)
from tiny import scene, tuned_bundle

if TYPE_CHECKING:
    from collections.abc import Callable

    from ros.rig import Rig

    MakeRig = Callable[..., Rig]

pytestmark = [pytest.mark.needs_ros, pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

STATUS = 'segmentation/status'
MASK = 'segmentation/mask'
IMAGE = scene((60, 80))[0]
TUNED = CrfOptions((GaussianKernel(2.0, 1.5),), iterations=2, resolution='network')
ALWAYS = {
    'crf__enabled': True,
    'crf__backend': 'numpy',
    'crf__preset': 'classic',
    'crf__min_uncertain_fraction': 0.0,
}


def set_parameters(rig: Rig, **values: Any) -> Any:
    """Set several parameters as one, by service as ``ros2 param`` does; return the result."""
    from rcl_interfaces.srv import SetParametersAtomically  # noqa: PLC0415
    from rclpy.parameter import Parameter  # noqa: PLC0415

    request = SetParametersAtomically.Request(
        parameters=[
            Parameter(name.replace('__', '.'), value=value).to_parameter_msg()
            for name, value in values.items()
        ]
    )
    return rig.call(SetParametersAtomically, 'seg_node/set_parameters_atomically', request).result


def listen(rig: Rig) -> None:
    """Subscribe to the status."""
    from diagnostic_msgs.msg import DiagnosticArray  # noqa: PLC0415

    rig.listen(STATUS, DiagnosticArray)


def status_of(rig: Rig, message: Any = None) -> dict[str, str]:
    """Send a frame and return the values of its status."""
    answer = rig.answer(STATUS, rig.send(message or rig.image(IMAGE)))
    return {pair.key: pair.value for pair in answer.status[0].values}


def test_status_carries_the_header_of_its_image(make_rig: MakeRig) -> None:
    rig = make_rig(**ALWAYS)
    listen(rig)
    sent = rig.send(rig.image(IMAGE))

    answer = rig.answer(STATUS, sent)

    assert answer.header.stamp == sent.header.stamp
    assert answer.header.frame_id == 'front'


def test_status_tells_what_a_replay_and_a_tuner_need(make_rig: MakeRig) -> None:
    rig = make_rig(**ALWAYS)
    listen(rig)
    status_of(rig)

    values = status_of(rig)

    assert values['crf'] == 'ran'
    assert values['engine'] == 'onnxruntime'
    assert values['precision'] == 'fp32'
    assert values['crf_backend'] == 'numpy'
    assert values['crf_mode'] == 'exact'  # only the native back end has others
    assert values['crf_resolution'] == 'output'
    assert 0.0 < float(values['uncertain_fraction']) < 1.0
    assert float(values['crf_predicted_ms']) > 0.0
    assert float(values['crf_ms']) > 0.0
    assert float(values['age_s']) > 0.0


def test_every_key_of_the_status_is_documented(make_rig: MakeRig) -> None:
    rig = make_rig(**ALWAYS, smoothing__method='flow')
    listen(rig)
    page = (Path(__file__).parents[2] / 'docs' / 'node.md').read_text(encoding='utf-8')
    table = page.partition('| key | content |')[2].partition('\n\n')[0]
    cells = re.findall(r'^\| (`.+?) \|', table, re.MULTILINE)

    assert set(status_of(rig)) == set(re.findall('`(.+?)`', ' '.join(cells)))


def test_status_of_a_frame_without_the_crf_names_no_back_end(rig: Rig) -> None:
    listen(rig)

    values = status_of(rig)

    assert values['crf'] == 'off'
    assert 0.0 < float(values['uncertain_fraction']) < 1.0
    assert not [key for key in values if key.startswith('crf_') and key != 'crf_ms']


def test_mask_is_what_the_offline_segmenter_refines(
    make_rig: MakeRig, bundle_folder: Path
) -> None:
    from ros.rig import pixels_of  # noqa: PLC0415

    rig = make_rig(**ALWAYS)
    rig.listen(MASK)
    choice = CrfChoice(backend='numpy', preset='classic', min_uncertain_fraction=0.0)
    options = with_crf(SegmenterOptions(), choice, open_bundle(bundle_folder).manifest)

    answer = rig.answer(MASK, rig.send(rig.image(IMAGE)))

    with open_segmenter(bundle_folder, 'onnxruntime', options) as segmenter:
        np.testing.assert_array_equal(pixels_of(answer), segmenter(IMAGE).labels)
        segmenter.options = replace(options, crf=None)
        assert (pixels_of(answer) != segmenter(IMAGE).labels).any()


def test_replay_with_the_decisions_of_the_status_repeats_the_masks(
    make_rig: MakeRig, bundle_folder: Path
) -> None:
    from ros.rig import pixels_of  # noqa: PLC0415

    rig = make_rig(**ALWAYS)
    listen(rig)
    rig.listen(MASK)
    images = [scene((60, 80), seed)[0] for seed in range(4)]
    recorded = []
    for image, budget in zip(images, (0.0, 1e-6, 0.0, 1e-6), strict=True):
        set_parameters(rig, latency_budget=budget)
        message = rig.image(image)
        decision = status_of(rig, message)['crf']
        recorded.append((decision, pixels_of(rig.answer(MASK, message))))
    assert [decision for decision, _ in recorded] == ['ran', 'no_time', 'ran', 'no_time']

    choice = CrfChoice(backend='numpy', preset='classic')
    with open_segmenter(bundle_folder, 'onnxruntime', crf=choice) as segmenter:
        for image, (decision, mask) in zip(images, recorded, strict=True):
            again = segmenter(image, crf_decision=decision)  # type: ignore[arg-type]
            np.testing.assert_array_equal(again.labels, mask)


def test_time_that_publishing_takes_is_kept_from_the_crf(make_rig: MakeRig) -> None:
    """The budget is for the mask that is out, not for the one that is computed."""
    rig = make_rig(**ALWAYS)
    kept: list[float] = []
    run = rig.runner.run

    def spy(jobs: Any, parameters: Any) -> Any:
        kept.extend(job.reserve for job in jobs)
        return run(jobs, parameters)

    rig.runner.run = spy
    rig.listen('segmentation/overlay')
    rig.answer('segmentation/overlay', rig.send(rig.image(IMAGE)))
    rig.until_processed(1)
    took = rig.health.report().times['publish']
    rig.answer('segmentation/overlay', rig.send(rig.image(IMAGE)))

    assert kept == [0.0, took]


def test_gate_of_the_node_has_hysteresis(make_rig: MakeRig) -> None:
    """One scene lies between the two thresholds: it is refined only after one that is above."""
    rig = make_rig(**ALWAYS)
    listen(rig)
    flat, busy = np.full_like(IMAGE, (0, 255, 0)), np.full_like(IMAGE, 127)
    shares = {
        name: float(status_of(rig, rig.image(image))['uncertain_fraction'])
        for name, image in {'flat': flat, 'scene': IMAGE, 'busy': busy}.items()
    }
    assert shares['flat'] < shares['scene'] < shares['busy']
    above = 0.5 * (shares['scene'] + shares['busy'])
    hysteresis = 1.0 - 0.5 * (shares['flat'] + shares['scene']) / above
    assert set_parameters(
        rig, crf__min_uncertain_fraction=above, crf__hysteresis=hysteresis
    ).successful

    said = [
        status_of(rig, rig.image(image))['crf']
        for image in (flat, IMAGE, busy, IMAGE, flat, IMAGE)
    ]

    assert said == ['certain', 'certain', 'ran', 'ran', 'certain', 'certain']


def test_tuned_preset_comes_from_the_bundle_with_its_gate(
    make_rig: MakeRig, tmp_path: Path
) -> None:
    bundle = tuned_bundle(tmp_path / 'tuned', TUNED)
    rig = make_rig(bundle=str(bundle.path), crf__enabled=True)

    options = rig.runner.options_of(rig.node.parameters)

    assert options.crf == replace(TUNED, threads=2)
    assert options.crf_entropy_threshold == 0.125
    assert options.crf_min_uncertain_fraction == 0.0


def test_tuned_preset_that_the_bundle_lacks_fails_the_configuration(make_rig: MakeRig) -> None:
    rig = make_rig(autostart=False, crf__enabled=True, crf__preset='tuned')

    rig.node.trigger_configure()

    assert rig.node.state == 'unconfigured'
    assert "Bundle 'tiny' has no tuned CRF preset" in rig.node.health.report().last_error


def test_tuned_preset_that_the_bundle_lacks_is_refused_while_it_runs(rig: Rig) -> None:
    result = set_parameters(rig, crf__enabled=True, crf__preset='tuned')

    assert not result.successful
    assert "Bundle 'tiny' has no tuned CRF preset. Choose the preset" in result.reason
    assert rig.node.parameters.crf_enabled is False


def test_back_end_that_does_not_work_is_refused_while_it_runs(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seg_node.ros.parameters import crf as parameters  # noqa: PLC0415

    monkeypatch.setattr(parameters, 'why_missing', lambda _: 'It is not built.')

    result = set_parameters(rig, crf__enabled=True, crf__backend='native')

    assert not result.successful
    assert 'It is not built.' in result.reason


def test_options_of_the_crf_take_effect_with_the_next_frame(make_rig: MakeRig) -> None:
    rig = make_rig(**ALWAYS)
    listen(rig)
    before = status_of(rig)

    assert set_parameters(rig, crf__resolution='network').successful

    assert before['crf_resolution'] == 'output'
    assert status_of(rig)['crf_resolution'] == 'network'


def test_diagnostics_count_the_decisions(make_rig: MakeRig) -> None:
    rig = make_rig(**ALWAYS)
    listen(rig)
    status_of(rig)
    assert set_parameters(rig, latency_budget=1e-6).successful
    status_of(rig)
    status_of(rig)
    assert set_parameters(rig, latency_budget=0.0, crf__min_uncertain_fraction=1.0).successful
    status_of(rig)
    rig.until_processed(4)

    values = {pair.key: pair.value for pair in rig.node.diagnosis.message().status[0].values}

    assert [values[f'crf_{name}'] for name in ('ran', 'no_time', 'certain', 'off')] == [
        '1',
        '2',
        '1',
        '0',
    ]
    assert float(values['crf_cost_ms']) > 0.0
    assert values['crf_backend'] == 'numpy'
    assert 'crf_rate_hz' in values


def test_frame_whose_crf_fails_is_published_with_the_labels_of_the_network(
    make_rig: MakeRig, bundle_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ros.rig import pixels_of  # noqa: PLC0415

    def fail(*_: object) -> None:
        msg = 'Out of memory for the lattice.'
        raise CrfError(msg)

    rig = make_rig(**ALWAYS)
    rig.listen(MASK)
    listen(rig)
    with monkeypatch.context() as patch:
        patch.setattr(refinement, 'refine_scores', fail)
        sent = rig.send(rig.image(IMAGE))
        mask, status = rig.answer(MASK, sent), rig.answer(STATUS, sent).status[0]
        rig.until_processed(1)
    told = rig.node.diagnosis.message().status[0]

    with open_segmenter(bundle_folder, 'onnxruntime') as segmenter:
        np.testing.assert_array_equal(pixels_of(mask), segmenter(IMAGE).labels)
    assert (status.level, status.message) == (b'\x01', 'crf failed')
    assert told.level == b'\x01'
    assert 'the CRF fails: CrfError: Out of memory for the lattice.' in told.message
    values = {pair.key: pair.value for pair in told.values}
    assert values['crf_failed'] == '1'
    assert not [key for key in values if key.startswith('dropped_') and values[key] != '0']
    assert status_of(rig)['crf'] == 'ran'  # the next frame
