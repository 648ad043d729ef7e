# SPDX-License-Identifier: Apache-2.0
"""What the arguments about smoothing ask for."""

from __future__ import annotations

import argparse

import pytest

from seg_node.cli.smoothing_options import add_smoothing, smoothing_options
from seg_node.errors import ParameterError
from seg_node.pipeline import SmoothingOptions


def parsed(*words: str) -> SmoothingOptions | None:
    parser = argparse.ArgumentParser()
    add_smoothing(parser)
    return smoothing_options(parser.parse_args(words))


@pytest.mark.parametrize(
    ('words', 'expected'),
    [
        ((), None),
        (('--smoothing', 'flow'), SmoothingOptions('flow')),
        (
            ('--smoothing', 'average', '--smoothing-history', '0.3'),
            SmoothingOptions('average', 0.3),
        ),
    ],
)
def test_arguments_give_options(words: tuple[str, ...], expected: SmoothingOptions | None) -> None:
    assert parsed(*words) == expected


@pytest.mark.parametrize('text', ['1', '-0.1', 'much', 'nan'])
def test_share_out_of_range_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed('--smoothing', 'flow', '--smoothing-history', text)

    assert 'expected a number from 0 to below 1' in capsys.readouterr().err


def test_share_without_a_method_is_refused() -> None:
    with pytest.raises(ParameterError, match=r'which is off\. Add --smoothing flow'):
        parsed('--smoothing-history', '0.3')
