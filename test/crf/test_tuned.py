# SPDX-License-Identifier: Apache-2.0
"""The preset that a bundle carries: written to the manifest, read from it, shown on the card."""

from __future__ import annotations

from dataclasses import replace
import json
from typing import Any

import pytest

from seg_node.bundle import Manifest
from seg_node.bundle.card import model_card
from seg_node.crf import BilateralKernel, CrfOptions, GaussianKernel, to_plain
from seg_node.crf.tuned import tuned_crf
from seg_node.errors import BundleError
from tiny import tiny_manifest

OPTIONS = CrfOptions(
    (GaussianKernel(2.0, (1.0, 2.0, 3.0)), BilateralKernel(30.0, 6.0, 4.0)), iterations=3
)
ENTRY = {
    'enabled': False,
    'why_not': 'It is slow.',
    'preset': to_plain(OPTIONS),
    'entropy_threshold': 0.3,
    'min_uncertain_fraction': 0.12,
    'measured': {'crf_ms': 12.5},
}


def test_a_preset_survives_the_way_through_the_json_of_a_manifest() -> None:
    manifest = replace(tiny_manifest(), crf=ENTRY)

    read = tuned_crf(Manifest.from_dict(json.loads(json.dumps(manifest.to_dict()))))

    assert read is not None
    assert read.options == OPTIONS
    assert (read.entropy_threshold, read.min_uncertain_fraction) == (0.3, 0.12)
    assert not read.enabled
    assert read.why_not == 'It is slow.'


def test_a_bundle_without_a_preset_has_none_and_does_not_mention_it() -> None:
    plain = tiny_manifest().to_dict()

    assert 'crf' not in plain
    assert tuned_crf(Manifest.from_dict(plain)) is None
    assert 'Dense CRF' not in model_card(tiny_manifest())


def test_the_card_shows_the_preset_and_what_it_was_worth() -> None:
    card = model_card(replace(tiny_manifest(), crf=ENTRY))

    assert '## Dense CRF' in card
    assert '| min_uncertain_fraction | 0.12 |' in card
    assert '| measured / crf_ms | 12.5 |' in card


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'preset': {'iterations': 0}}, 'iterations is 0'),
        ({'preset': {'speed': 1}}, "'speed'"),
        ({'entropy_threshold': 'much'}, 'much'),
        ({'entropy_threshold': 1.5}, 'expected a number from 0 to 1'),
        ({'min_uncertain_fraction': float('nan')}, 'expected a number from 0 to 1'),
        ({'preset': None}, 'TypeError|None'),
    ],
)
def test_a_preset_that_is_not_valid_is_refused(change: dict[str, Any], words: str) -> None:
    manifest = replace(tiny_manifest(), crf={**ENTRY, **change})

    with pytest.raises(BundleError, match=f"'tiny' has a CRF preset .*{words}.*seg tune-crf"):
        tuned_crf(manifest)


def test_a_preset_without_a_gate_is_refused() -> None:
    with pytest.raises(BundleError, match='min_uncertain_fraction'):
        tuned_crf(
            replace(
                tiny_manifest(),
                crf={key: ENTRY[key] for key in ('preset', 'entropy_threshold', 'enabled')},
            )
        )


def test_a_manifest_refuses_what_is_no_table() -> None:
    with pytest.raises(BundleError, match='has crf 5; expected an object'):
        replace(tiny_manifest(), crf=5)  # type: ignore[arg-type]
