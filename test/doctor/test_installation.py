# SPDX-License-Identifier: Apache-2.0
"""What is installed, and the model."""

from __future__ import annotations

from pathlib import Path
import re
import sys
from types import ModuleType, SimpleNamespace
from typing import Any, TYPE_CHECKING

import pytest

from seg_node.doctor import installation
from seg_node.doctor.installation import EXTRAS, look_at_installation
from seg_node.doctor.model import look_at_model
from seg_node.errors import EngineUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seg_node.bundle import Bundle
    from seg_node.doctor import Finding

SETUP = Path(__file__).parents[2] / 'setup.py'


def by_name(findings: Iterable[Finding]) -> dict[str, Finding]:
    """Return the findings by name."""
    return {one.name: one for one in findings}


def test_every_extra_of_setup_py_is_looked_at() -> None:
    text = SETUP.read_text(encoding='utf-8').partition('EXTRAS = {')[2].partition('\n}\n')[0]

    declared = set(re.findall(r"^    '(\w+)':", text, re.MULTILINE))

    assert set(EXTRAS) == declared - {'dev'}


def test_missing_extra_is_noted_with_what_it_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, 'find_spec', lambda name: None if name == 'ray' else name)

    findings = by_name(look_at_installation())

    assert findings['extra ray'].level == 'note'
    assert findings['extra ray'].found == (
        'ray not installed; for many recordings on several machines'
    )
    assert 'ray' not in findings['extras'].found.split(', ')


@pytest.mark.parametrize(
    ('ros', 'module', 'found'),
    [
        (True, None, 'not installed'),
        (True, ModuleType('vision_msgs.msg'), 'is older than 4.1'),
        (True, SimpleNamespace(LabelInfo=object), ''),
        (False, None, ''),
    ],
)
def test_missing_label_info_is_noted_where_ros_is(
    *, ros: bool, module: Any, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation, 'find_spec', lambda _: object() if ros else None)
    monkeypatch.setitem(sys.modules, 'vision_msgs.msg', module)

    finding = by_name(look_at_installation()).get('vision_msgs')

    if found:
        assert finding is not None
        assert finding.level == 'note'
        assert finding.found.startswith(f'{found}: no label_info')
    else:
        assert finding is None


def test_extension_that_is_not_there_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, 'extension_missing', lambda: 'It is not built.')
    monkeypatch.setattr(installation, 'crf_missing', lambda _: '')

    findings = by_name(look_at_installation())

    assert findings['post-processing in C++'].level == 'warn'
    assert 'dense CRF in C++' not in findings


@pytest.mark.needs_onnx
@pytest.mark.needs_onnxruntime
def test_bundle_is_opened_and_run(bundle: Bundle) -> None:
    findings = by_name(look_at_model(str(bundle.path)))

    assert findings['bundle'].level == 'ok'
    assert bundle.digest in findings['bundle'].found
    assert findings['engine onnxruntime'].found.endswith('ms with one thread')
    assert 'engine fake' not in findings


@pytest.mark.needs_onnx
def test_altered_bundle_fails(bundle: Bundle) -> None:
    bundle.onnx_path.write_bytes(b'other')

    (finding,) = look_at_model(str(bundle.path))

    assert finding.level == 'fail'
    assert 'altered or damaged' in finding.found


@pytest.mark.needs_onnx
def test_machine_without_any_engine_fails_and_says_why_each_does_not_work(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str, *_: object, **__: object) -> None:
        msg = f'{name} needs a library.'
        raise EngineUnavailableError(msg)

    monkeypatch.setattr('seg_node.doctor.model.open_engine', refuse)

    findings = by_name(look_at_model(str(bundle.path)))

    assert findings['engines'].level == 'fail'
    assert findings['engine onnxruntime'].found == 'onnxruntime needs a library.'
