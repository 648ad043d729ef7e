# SPDX-License-Identifier: Apache-2.0
"""``seg import-onnx`` from the words of a user to a bundle, or to one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from seg_node.bundle import open_bundle
from seg_node.cli.main import main
from tiny import SIZE, TAXONOMY, tiny_onnx

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """Return the command for a network of levels 0 to 1 in the tiny taxonomy."""
    (tmp_path / 'city.onnx').write_bytes(tiny_onnx())
    (tmp_path / 'classes.yaml').write_text(yaml.safe_dump(TAXONOMY.to_dict()), encoding='utf-8')
    return [
        *('import-onnx', str(tmp_path / 'city.onnx'), str(tmp_path / 'city')),
        *('--taxonomy', str(tmp_path / 'classes.yaml'), '--scale', '1/255'),
        *('--mean', '0.5,0.4,0.3', '--std', '0.2,0.2,0.1'),
    ]


def test_mean_and_std_are_kept_as_levels(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main([*words, '--licence', 'MIT', '--fit', 'stretch'])

    captured = capsys.readouterr()
    assert status == 0, captured.err
    assert captured.out.strip() == str(tmp_path / 'city')
    assert 'has no weights for torch' in captured.err
    manifest = open_bundle(tmp_path / 'city').manifest
    assert manifest.input.mean == pytest.approx((127.5, 102.0, 76.5))
    assert manifest.input.std == pytest.approx((51.0, 51.0, 25.5))
    assert (manifest.input.height, manifest.input.width) == SIZE
    assert (manifest.name, manifest.licence['weights']) == ('city', 'MIT')


def test_an_absent_file_is_one_sentence(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / 'city.onnx').unlink()

    assert main(words) == 1
    assert 'There is no file' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('option', 'value'),
    [('--size', '512'), ('--mean', '1,2'), ('--scale', '0'), ('--std', 'a,b,c')],
)
def test_malformed_values_are_wrong_usage(
    words: list[str], option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main([*words, option, value])

    assert end.value.code == 2
    assert option in capsys.readouterr().err
