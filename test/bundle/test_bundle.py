# SPDX-License-Identifier: Apache-2.0
"""Bundles on disk: round trip, verification, refusals."""

from __future__ import annotations

from dataclasses import replace
import hashlib
import json
from pathlib import Path
from typing import Any, TYPE_CHECKING

import pytest

from seg_node.bundle import bundle as bundle_module
from seg_node.bundle import find_bundle, FORMAT, Manifest, open_bundle, sha256, write_bundle
from seg_node.bundle.card import model_card
from seg_node.errors import BundleError
import tiny

if TYPE_CHECKING:
    from collections.abc import Callable

    from seg_node.bundle import Bundle


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / 'trained'
    path.write_bytes(b'weights')
    return path


@pytest.fixture
def bundle(tmp_path: Path, weights: Path) -> Bundle:
    return write_bundle(tmp_path / 'mine', tiny.tiny_manifest(), {'weights.safetensors': weights})


def edit(bundle: Bundle, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest on disk as a careless person would."""
    path = bundle.path / 'manifest.json'
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_written_bundle_opens_with_the_same_manifest(bundle: Bundle) -> None:
    again = open_bundle(bundle.path)

    assert again == bundle
    assert again.manifest.taxonomy == tiny.TAXONOMY
    assert again.weights_path.read_bytes() == b'weights'


def test_manifest_round_trip_through_json_is_equal(bundle: Bundle) -> None:
    text = json.dumps(bundle.manifest.to_dict())

    assert Manifest.from_dict(json.loads(text)) == bundle.manifest


def test_sums_are_those_of_hashlib(bundle: Bundle, weights: Path) -> None:
    expected = hashlib.sha256(b'weights').hexdigest()

    assert sha256(weights) == expected
    assert bundle.manifest.files == {'weights.safetensors': expected}


def test_rewriting_replaces_the_old_bundle_as_a_whole(bundle: Bundle, weights: Path) -> None:
    write_bundle(bundle.path, tiny.tiny_manifest(name='second'), {'other.bin': weights})

    assert open_bundle(bundle.path).manifest.name == 'second'
    assert not (bundle.path / 'weights.safetensors').exists()
    assert sorted(path.name for path in bundle.path.parent.iterdir()) == ['mine', 'trained']


def test_writing_over_a_folder_that_is_no_bundle_is_refused(tmp_path: Path, weights: Path) -> None:
    (tmp_path / 'photos').mkdir()
    (tmp_path / 'photos' / 'cat.jpg').write_bytes(b'precious')

    with pytest.raises(BundleError, match='is no bundle; give another folder'):
        write_bundle(tmp_path / 'photos', tiny.tiny_manifest(), {'weights.safetensors': weights})

    assert (tmp_path / 'photos' / 'cat.jpg').read_bytes() == b'precious'


def test_a_file_in_the_place_of_the_folder_is_refused(weights: Path) -> None:
    with pytest.raises(BundleError, match='is no bundle; give another folder'):
        write_bundle(weights, tiny.tiny_manifest(), {'weights.safetensors': weights})

    assert weights.read_bytes() == b'weights'


def test_the_old_bundle_comes_back_when_the_new_one_cannot_take_its_place(
    bundle: Bundle, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def fail_for_the_new_one(source: Path, target: Path) -> Path:
        if source.name == 'bundle':
            raise OSError(28, 'No space left on device')
        return rename(source, target)

    monkeypatch.setattr(Path, 'rename', fail_for_the_new_one)

    with pytest.raises(BundleError, match=r'cannot be written: .*No space left'):
        write_bundle(bundle.path, tiny.tiny_manifest(name='second'), {'other.bin': weights})

    assert open_bundle(bundle.path) == bundle
    assert sorted(path.name for path in bundle.path.parent.iterdir()) == ['mine', 'trained']


@pytest.mark.parametrize('name', ['manifest.json', 'MODEL_CARD.md'])
def test_a_file_cannot_take_the_name_of_one_that_is_made_here(
    bundle: Bundle, weights: Path, name: str
) -> None:
    with pytest.raises(BundleError, match='which is made here; leave it out'):
        write_bundle(bundle.path, tiny.tiny_manifest(), {name: weights})

    assert open_bundle(bundle.path) == bundle


def test_altered_file_is_refused(bundle: Bundle) -> None:
    bundle.weights_path.write_bytes(b'weightz')

    with pytest.raises(BundleError, match=r"'weights\.safetensors' .* was altered or damaged"):
        open_bundle(bundle.path)


def test_missing_file_is_refused(bundle: Bundle) -> None:
    bundle.weights_path.unlink()

    with pytest.raises(BundleError, match=r"lacks 'weights\.safetensors'"):
        open_bundle(bundle.path)


def test_missing_onnx_says_what_it_is_for(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match=r'no model\.onnx; it is needed to run it with ONNX'):
        _ = bundle.onnx_path


@pytest.mark.parametrize('name', ['../secret', '/etc/passwd', '..', 'a/b'])
def test_file_names_that_leave_the_folder_are_refused(bundle: Bundle, name: str) -> None:
    edit(bundle, lambda data: data['files'].update({name: '0' * 64}))

    with pytest.raises(BundleError, match='expected a plain file name'):
        open_bundle(bundle.path)


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (lambda data: data.update(format='2.0'), r"format '2.0'; this seg_node reads 1\.x"),
        (lambda data: data.pop('format'), 'format None'),
        (lambda data: data.pop('input'), "KeyError: 'input'"),
        (lambda data: data.update(colour='red'), 'colour'),
        (lambda data: data.update(output_stride=8), 'output stride 8'),
        (lambda data: data.update(temperature=0.0), 'temperature 0.0'),
        (lambda data: data.update(synthetic_only=['Dog']), "'Dog'"),
        (lambda data: data['taxonomy'].pop('name'), 'malformed'),
        (lambda data: data['input'].update(fit='crop'), 'crop'),
        (
            lambda data: data.update(files=['model.onnx']),
            r"files \['model.onnx'\]; expected an obj",
        ),
        (lambda data: data.update(files=None), 'files None; expected an object'),
        (lambda data: data.update(licence='MIT'), "licence 'MIT'; expected an object"),
        (lambda data: data.update(name=5), 'name 5; expected text'),
        (lambda data: data.update(opset='18'), "opset '18'; expected a whole number"),
        (lambda data: data.update(temperature='hot'), 'TypeError'),
    ],
    ids=[
        'future',
        'no-format',
        'no-input',
        'unknown-key',
        'stride',
        'temperature',
        'unknown-class',
        'taxonomy',
        'fit',
        'file-list',
        'no-files',
        'licence',
        'name',
        'opset',
        'temperature-word',
    ],
)
def test_manifest_that_is_not_valid_is_refused(
    bundle: Bundle, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    edit(bundle, change)

    with pytest.raises(BundleError, match=words) as caught:
        open_bundle(bundle.path)

    assert str(bundle.path) in str(caught.value)


def test_a_newer_minor_format_is_readable(bundle: Bundle) -> None:
    edit(bundle, lambda data: data.update(format=f'{FORMAT.partition(".")[0]}.99'))

    assert open_bundle(bundle.path).manifest == bundle.manifest


@pytest.mark.parametrize(
    'text', ['{', '[]', '', '[' * 100_000], ids=['cut', 'list', 'empty', 'deep']
)
def test_manifest_that_is_no_json_object_is_refused(bundle: Bundle, text: str) -> None:
    (bundle.path / 'manifest.json').write_text(text)

    with pytest.raises(BundleError, match=r'manifest\.json'):
        open_bundle(bundle.path)


def test_folder_without_manifest_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r'has no manifest\.json, so it is not a bundle'):
        open_bundle(tmp_path)


def test_unknown_name_is_refused() -> None:
    with pytest.raises(BundleError, match="There is no bundle 'nonesuch'"):
        find_bundle('nonesuch')


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pretend that the package has a bundle 'default', and one of that name is right here."""
    for folder in ('package/bundles/default', 'work/default'):
        (tmp_path / folder).mkdir(parents=True)
    package = tmp_path / 'package'
    monkeypatch.setattr(bundle_module, 'share_path', package.joinpath)
    monkeypatch.chdir(tmp_path / 'work')
    return package / 'bundles' / 'default'


def test_a_name_means_the_bundle_of_the_package(shipped: Path) -> None:
    assert find_bundle('default') == shipped


@pytest.mark.parametrize('path', ['.', '', './default', Path('default')], ids=repr)
def test_a_path_never_means_a_bundle_of_the_package(shipped: Path, path: str | Path) -> None:
    assert shipped not in (folder := find_bundle(path).resolve(), *folder.parents)
    assert folder.is_relative_to(Path.cwd())


def test_card_marks_classes_that_training_saw_only_as_drawings(
    tmp_path: Path, weights: Path
) -> None:
    manifest = replace(
        tiny.tiny_manifest(),
        synthetic_only=('green road', 'water'),
        training={'real_pixels': {'lava': 12345, 'green road': 0, 'water': 7}},
    )

    card = model_card(write_bundle(tmp_path / 'mixed', manifest, {'w.bin': weights}).manifest)

    assert '| 1 green road | yes | synthetic only |' in card
    assert '| 2 water | no | 7, all others synthetic |' in card
    assert '| 0 lava | no | 12345 |' in card


def test_card_carries_the_warning_the_classes_and_the_licence(bundle: Bundle) -> None:
    card = (bundle.path / 'MODEL_CARD.md').read_text()

    assert 'Not safety-certified' in card
    assert '| 1 green road | yes | - |' in card
    assert '| Licence of the weights | Apache-2.0 |' in card


def test_precision_that_does_not_exist_is_refused() -> None:
    with pytest.raises(
        BundleError, match="precision of bundle 'tiny': 'int4'; expected one of fp32"
    ):
        replace(tiny.tiny_manifest(), precision='int4')


@pytest.mark.parametrize('value', [-0.1, 1.5, float('nan')])
def test_drivable_threshold_that_is_no_probability_is_refused(value: float) -> None:
    with pytest.raises(BundleError, match='drivable threshold'):
        replace(tiny.tiny_manifest(), drivable_threshold=value)
