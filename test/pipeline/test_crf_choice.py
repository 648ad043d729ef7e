# SPDX-License-Identifier: Apache-2.0
"""From names to options of the CRF, with and without a preset in the bundle."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from seg_node.crf import CrfOptions, GaussianKernel, preset, to_plain
from seg_node.errors import CrfError, ParameterError
from seg_node.pipeline import CrfChoice, SegmenterOptions, with_crf
from seg_node.pipeline.crf_choice import crf_warning
import tiny

TUNED = CrfOptions((GaussianKernel(2.0, 1.5),), iterations=3, mode='fast', resolution='network')
PLAIN = SegmenterOptions()
BARE = tiny.tiny_manifest()
RICH = replace(
    BARE,
    crf={
        'preset': to_plain(TUNED),
        'entropy_threshold': 0.3,
        'min_uncertain_fraction': 0.02,
        'enabled': True,
    },
)


def chosen(manifest: Any = RICH, **names: Any) -> SegmenterOptions:
    """Return what a choice means for a bundle."""
    return with_crf(PLAIN, CrfChoice(**names), manifest)


def test_auto_takes_the_preset_of_the_bundle_and_its_gate() -> None:
    options = chosen()

    assert options.crf == TUNED
    assert (options.crf_entropy_threshold, options.crf_min_uncertain_fraction) == (0.3, 0.02)


def test_auto_takes_the_classic_preset_where_the_bundle_has_none() -> None:
    assert chosen(BARE) == replace(PLAIN, crf=preset('classic'))


def test_classic_takes_neither_preset_nor_gate_of_the_bundle() -> None:
    assert chosen(preset='classic') == replace(PLAIN, crf=preset('classic'))


def test_tuned_is_refused_where_the_bundle_has_no_such_preset() -> None:
    with pytest.raises(CrfError, match="Bundle 'tiny' has no tuned CRF preset"):
        chosen(BARE, preset='tuned')


def test_preset_of_no_name_is_refused() -> None:
    with pytest.raises(CrfError, match="Unknown CRF preset 'modern'; expected one of auto"):
        chosen(preset='modern')


@pytest.mark.parametrize(
    'asked',
    [
        {'mode': 'exact'},
        {'resolution': 'output'},
        {'backend': 'numpy'},
        {'threads': 4},
        {'mode': 'balanced', 'resolution': 'output', 'backend': 'native', 'threads': 2},
    ],
)
def test_names_overrule_the_preset_and_leave_the_rest(asked: dict[str, Any]) -> None:
    assert chosen(**asked).crf == replace(TUNED, **asked)


@pytest.mark.parametrize('name', ['mode', 'resolution', 'backend'])
def test_name_that_does_not_exist_is_refused(name: str) -> None:
    with pytest.raises(CrfError, match=r"Unknown CRF .*'none'"):
        chosen(**{name: 'none'})


def test_thresholds_overrule_those_of_the_preset() -> None:
    options = chosen(entropy_threshold=0.9, min_uncertain_fraction=0.0, hysteresis=0.5)

    assert options.crf_entropy_threshold == 0.9
    assert options.crf_min_uncertain_fraction == 0.0
    assert options.crf_hysteresis == 0.5


def test_threshold_out_of_range_is_refused() -> None:
    with pytest.raises(ParameterError, match=r'crf_entropy_threshold is 1\.5'):
        chosen(entropy_threshold=1.5)


def test_crf_that_is_off_is_off_whatever_its_preset_but_its_threshold_counts() -> None:
    off = chosen(enabled=False)

    assert off.crf is None
    assert off.crf_entropy_threshold == 0.3
    assert chosen(BARE, enabled=False, preset='tuned').crf is None


def test_well_proven_preset_needs_no_warning() -> None:
    assert crf_warning(CrfChoice(), RICH) == ''
    assert crf_warning(CrfChoice(enabled=False), BARE) == ''


def test_preset_that_missed_its_bars_is_warned_of() -> None:
    weak = replace(BARE, crf={**RICH.crf, 'enabled': False, 'why_not': 'water loses 3 points.'})

    assert crf_warning(CrfChoice(), weak).endswith('held-out frames: water loses 3 points.')


@pytest.mark.parametrize(('manifest', 'name'), [(BARE, 'auto'), (RICH, 'classic')])
def test_classic_preset_is_warned_of(manifest: Any, name: str) -> None:
    assert 'tends to remove poles' in crf_warning(CrfChoice(preset=name), manifest)


def test_other_options_stay() -> None:
    others = replace(PLAIN, drivable_max_entropy=0.1, latency_budget=2.0)

    options = with_crf(others, CrfChoice(), RICH)

    assert (options.drivable_max_entropy, options.latency_budget) == (0.1, 2.0)
