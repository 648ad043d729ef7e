# SPDX-License-Identifier: Apache-2.0
"""The parameter table, and the files that say the same."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
import subprocess
import sys

import pytest
import yaml

from seg_node.errors import ParameterError
from seg_node.ros.parameters import crf as module
from seg_node.ros.parameters.docs import parameter_table, topic_table, yaml_text
from seg_node.ros.parameters.table import (
    find_spec,
    image_size_of,
    PARAMETERS,
    Parameters,
    set_faults,
)

ROOT = Path(__file__).parents[2]


def flatten(tree: dict[str, object], prefix: str = '') -> dict[str, object]:
    """Return nested YAML with dotted names."""
    flat: dict[str, object] = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            flat.update(flatten(value, f'{prefix}{name}.'))
        else:
            flat[prefix + name] = value
    return flat


def test_fields_are_those_of_the_table() -> None:
    named = [spec.field for spec in PARAMETERS]

    assert sorted(one.name for one in fields(Parameters)) == sorted(named)
    assert len(set(named)) == len(named)


def test_shipped_file_equals_the_defaults() -> None:
    text = (ROOT / 'config' / 'seg.params.yaml').read_text(encoding='utf-8')

    read = flatten(yaml.safe_load(text)['/**']['ros__parameters'])
    values = {name: tuple(one) if isinstance(one, list) else one for name, one in read.items()}

    assert values == {spec.name: spec.default for spec in PARAMETERS}
    assert [type(one) for one in values.values()] == [type(spec.default) for spec in PARAMETERS]
    assert text == yaml_text()


@pytest.mark.parametrize('table', [parameter_table, topic_table])
def test_documentation_has_the_table(table: object) -> None:
    text = (ROOT / 'docs' / 'node.md').read_text(encoding='utf-8')

    assert callable(table)
    assert table() in text


def test_defaults_are_valid() -> None:
    assert Parameters.from_values({}).to_values() == {one.name: one.default for one in PARAMETERS}


def test_every_parameter_says_what_it_does_and_ends_without_a_full_stop() -> None:
    assert all(spec.words and not spec.words.endswith('.') for spec in PARAMETERS)


@pytest.mark.parametrize(
    ('name', 'value', 'words'),
    [
        ('max_age', 99.0, "Parameter 'max_age' is 99.0; expected 0 to 60 s."),
        ('max_age', float('nan'), "Parameter 'max_age' is nan; expected 0 to 60 s."),
        ('max_age', 'soon', "'soon', a text; expected a number, for example 0.0"),
        ('threads', 0, "Parameter 'threads' is 0; expected 1 to 64."),
        ('threads', 2.0, 'a number; expected a whole number'),
        ('threads', True, 'a boolean; expected a whole number'),
        ('engine', 'cuda', "Unknown value of parameter 'engine': 'cuda'; expected one of auto"),
        ('autostart', 'yes', 'a text; expected a boolean'),
        ('bundle', None, 'expected a text'),
        ('crf.enable', True, "Unknown parameter 'crf.enable'; expected one of autostart"),
        ('snapshot_dir', ' ', "'snapshot_dir' is empty; expected a folder"),
        ('gpu.image_size', '1280', "is '1280'; expected width x height in pixels, for example"),
        ('gpu.image_size', '0x720', "is '0x720'; expected width x height"),
    ],
)
def test_from_values_says_what_is_wrong(name: str, value: object, words: str) -> None:
    with pytest.raises(ParameterError) as caught:
        Parameters.from_values({name: value})

    assert words in str(caught.value)


def test_set_faults_names_every_fault_of_a_set() -> None:
    faults = set_faults({'threads': 0, 'max_age': -1.0, 'overlay_alpha': 0.5})

    assert len(faults) == 2
    assert 'threads' in faults[0]
    assert 'max_age' in faults[1]


def test_crf_is_refused_with_a_back_end_that_does_not_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, 'why_missing', lambda _: 'It is not built.')

    with pytest.raises(ParameterError, match=r'is not built\. Or set it to'):
        Parameters.from_values({'crf.enabled': True, 'crf.backend': 'native'})


def test_back_end_that_does_not_work_is_no_fault_while_the_crf_is_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, 'why_missing', lambda _: 'It is not built.')

    assert Parameters.from_values({'crf.backend': 'native'}).crf_backend == 'native'


@pytest.mark.parametrize('name', ['crf.entropy_threshold', 'crf.min_uncertain_fraction'])
def test_only_minus_one_stands_for_what_the_preset_was_tuned_with(name: str) -> None:
    Parameters.from_values({name: -1.0})
    Parameters.from_values({name: 0.0})

    with pytest.raises(ParameterError, match=f"'{name}' is -0.5; expected 0 to 1, or -1"):
        Parameters.from_values({name: -0.5})


def test_whole_number_will_do_for_a_real_one() -> None:
    spec = find_spec('max_age')
    assert spec is not None

    value = spec.convert(2)

    assert value == 2.0
    assert isinstance(value, float)


def test_table_is_importable_without_ros() -> None:
    code = "import sys; sys.modules['rclpy'] = None; import seg_node.ros.parameters.docs"

    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=False, cwd=ROOT
    )

    assert done.returncode == 0, done.stderr


def test_image_size_is_written_width_first_and_read_height_first() -> None:
    assert image_size_of('1280x720') == (720, 1280)
    assert image_size_of('') is None


def test_single_text_will_do_for_a_list_of_one() -> None:
    named = Parameters.from_values({'outputs.class_confidence': 'none'})

    assert named.outputs_class_confidence == ('none',)


@pytest.mark.parametrize('word', ['all', 'none'])
def test_words_for_all_and_none_stand_by_themselves(word: str) -> None:
    with pytest.raises(ParameterError, match=rf"is \['road', '{word}'\]; expected names of"):
        Parameters.from_values({'outputs.class_confidence': ['road', word]})


def test_no_text_of_the_shipped_file_is_read_as_something_else() -> None:
    """YAML reads off as false, for one."""
    choices = [one for spec in PARAMETERS for one in spec.choices]

    assert [yaml.safe_load(one) for one in choices] == choices


def test_every_number_has_bounds_and_every_default_lies_within() -> None:
    numbers = [spec for spec in PARAMETERS if type(spec.default) in {int, float}]

    assert [spec.name for spec in numbers if spec.bounds is None] == []
    assert all(spec.convert(spec.default) == spec.default for spec in PARAMETERS)


def test_every_time_has_its_unit() -> None:
    times = ('timeout', 'delay', 'period', 'age', 'budget', 'deadline', 'slop', 'after')

    named = [spec for spec in PARAMETERS if spec.name.endswith(times)]

    assert len(named) >= 8
    assert {spec.name: spec.unit for spec in named if spec.unit != 's'} == {}
