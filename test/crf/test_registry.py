# SPDX-License-Identifier: Apache-2.0
"""CRF back ends by name, and why one is not there."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from seg_node.crf import BACKENDS, choose, is_available, registry, why_missing
from seg_node.errors import CrfError


@pytest.fixture
def back_ends(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Stand in for the back ends' modules; return what each says is missing, to be changed."""
    missing = dict.fromkeys(BACKENDS, '')
    modules = {
        path: SimpleNamespace(why_missing=lambda name=name: missing[name])
        for name, path in BACKENDS.items()
    }
    monkeypatch.setattr(registry, 'import_module', modules.__getitem__)
    return missing


def test_auto_is_the_fastest_that_works(back_ends: dict[str, str]) -> None:
    assert choose('auto').name == 'native'

    back_ends['native'] = 'there is no compiler.'
    assert choose('auto').name == 'pydensecrf'

    back_ends['pydensecrf'] = 'it is not installed.'
    choice = choose('auto')
    assert choice.name == 'numpy'
    assert 'Not native: there is no compiler. Not pydensecrf: it is not inst' in choice.reason


def test_a_named_back_end_is_never_replaced(back_ends: dict[str, str]) -> None:
    back_ends['native'] = 'there is no compiler.'

    with pytest.raises(CrfError, match="'native' does not work here: there is no compiler"):
        choose('native')


def test_nothing_that_works_is_an_error_that_says_why(back_ends: dict[str, str]) -> None:
    back_ends.update(dict.fromkeys(BACKENDS, 'it is broken.'))

    with pytest.raises(CrfError, match=r'No CRF back end works here\. Not native: it is broken'):
        choose('auto')


def test_an_unknown_back_end_is_answered_with_the_known_ones() -> None:
    for function in (choose, why_missing, is_available):
        with pytest.raises(CrfError, match='expected one of auto, native, numpy, pydensecrf, t'):
            function('cuda')


def test_numpy_always_works() -> None:
    assert choose('numpy').reason == 'numpy was asked for.'
    assert is_available('numpy')
    assert is_available('auto')


@pytest.mark.parametrize(
    ('backend', 'library', 'remedy'),
    [
        ('pydensecrf', 'pydensecrf', 'pip install pydensecrf2'),
        ('torch', 'torch', 'pip install torch'),
    ],
)
def test_a_back_end_without_its_library_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, backend: str, library: str, remedy: str
) -> None:
    for name in [name for name in sys.modules if name == BACKENDS[backend]]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)

    assert not is_available(backend)
    assert remedy in why_missing(backend)
