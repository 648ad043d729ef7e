# SPDX-License-Identifier: Apache-2.0
"""Networks from elsewhere: what is mended, what is refused, and that they compute the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TYPE_CHECKING

import numpy as np
from onnx import helper, numpy_helper, TensorProto
import pytest

from seg_node.bundle.import_onnx import import_onnx, Source
from seg_node.engines.onnx_engine import OnnxEngine
from seg_node.engines.registry import open_engine
from seg_node.errors import BundleError
from seg_node.pipeline import open_segmenter
import tiny

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.bundle import Bundle

HEIGHT, WIDTH = tiny.SIZE
MEAN, STD = (123.0, 117.0, 104.0), (60.0, 50.0, 40.0)
OPEN: list[int | str] = ['batch', 3, 'height', 'width']
FIXED: list[int | str] = [1, 3, HEIGHT, WIDTH]
Side = int | str


def foreign(
    shape: Sequence[Side] = OPEN,
    *,
    kind: int = TensorProto.FLOAT,
    pool: int = 4,
    opset: int = 17,
    argmax: bool = False,
    softmax: bool = False,
    extra: bool = False,
) -> bytes:
    """Return a network with names of its own: 1x1 convolution, average pooling, perhaps more.

    Score plane k is k + 1 times the k-th input channel, so that a swap of channels shows. An
    inner tensor is called as our output is.
    """
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    kernel = np.diag([1.0, 2.0, 3.0]).astype(dtype)[:, :, None, None]
    nodes = [
        helper.make_node('Conv', ['input.1', 'kernel'], ['scores']),
        helper.make_node(
            'AveragePool', ['scores'], ['1234'], kernel_shape=[pool, pool], strides=[pool, pool]
        ),
    ]
    last = '1234'
    for wanted, op, out in ((softmax, 'Softmax', 'prob'), (argmax, 'ArgMax', 'ids')):
        if wanted:
            nodes.append(helper.make_node(op, [last], [out], axis=1))
            last = out
    given = TensorProto.INT64 if argmax else kind
    unknown = ['n', 'k', 'h', 'w']
    outputs = [helper.make_tensor_value_info(last, given, unknown)]
    if extra:
        nodes.append(helper.make_node('Relu', ['scores'], ['auxiliary']))
        outputs.append(helper.make_tensor_value_info('auxiliary', kind, unknown))
    graph = helper.make_graph(
        nodes,
        'foreign',
        [helper.make_tensor_value_info('input.1', kind, list(shape))],
        outputs,
        [numpy_helper.from_array(kernel, 'kernel')],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', opset)], ir_version=8)
    return bytes(model.SerializeToString())


def source(folder: Path, network: bytes, **changes: Any) -> Source:
    path = folder / 'foreign.onnx'
    path.write_bytes(network)
    return replace(Source(path, tiny.TAXONOMY, MEAN, STD, size=tiny.SIZE), **changes)


def imported(folder: Path, network: bytes, **changes: Any) -> Bundle:
    return import_onnx(source(folder, network, **changes), folder / 'bundle').bundle


def levels(seed: int = 0) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 255, (1, 3, HEIGHT, WIDTH)).astype(np.float32)


def expected(batch: npt.NDArray[np.float32], pool: int = 4) -> npt.NDArray[np.float32]:
    """Compute in numpy what the foreign network gives for RGB levels."""
    mean, std = (np.array(one, np.float32)[:, None, None] for one in (MEAN, STD))
    normal = (batch - mean) / std
    blocks = normal.reshape(1, 3, HEIGHT // pool, pool, WIDTH // pool, pool).mean(axis=(3, 5))
    gains = np.array([1.0, 2.0, 3.0], np.float32)[:, None, None]
    return np.asarray(blocks * gains, np.float32)


def infer(bundle: Bundle, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    with OnnxEngine(bundle) as engine:
        return engine.infer(batch)


@pytest.mark.parametrize('shape', [OPEN, FIXED], ids=['open', 'fixed'])
@pytest.mark.parametrize('opset', [11, 13, 17, 20])
def test_bundle_takes_rgb_levels_and_gives_the_scores_of_the_network(
    tmp_path: Path, shape: list[Side], opset: int
) -> None:
    bundle = imported(tmp_path, foreign(shape, opset=opset))

    np.testing.assert_allclose(infer(bundle, levels()), expected(levels()), atol=1e-4)
    assert (bundle.manifest.opset, bundle.manifest.output_stride) == (opset, 4)
    assert bundle.manifest.input.mean == MEAN


def test_open_batch_stays_open(tmp_path: Path) -> None:
    bundle = imported(tmp_path, foreign())

    both = infer(bundle, np.concatenate([levels(0), levels(1)]))

    np.testing.assert_allclose(both[1:], expected(levels(1)), atol=1e-4)


def test_blue_first_networks_get_blue_first(tmp_path: Path) -> None:
    bundle = imported(tmp_path, foreign(), bgr=True)

    gains = np.array([1.0, 2.0, 3.0], np.float32)[:, None, None]
    rgb = expected(levels()) / gains
    np.testing.assert_allclose(infer(bundle, levels()), rgb[:, ::-1] * gains, atol=1e-4)


def test_half_precision_networks_run_on_float_images(tmp_path: Path) -> None:
    bundle = imported(tmp_path, foreign(kind=TensorProto.FLOAT16))

    np.testing.assert_allclose(infer(bundle, levels()), expected(levels()), atol=0.02)


def test_logarithm_of_probabilities_gives_the_same_probabilities_again(tmp_path: Path) -> None:
    bundle = imported(tmp_path, foreign(softmax=True))

    scores = np.exp(infer(bundle, levels()))
    truth = np.exp(expected(levels()))

    np.testing.assert_allclose(scores / scores.sum(1), truth / truth.sum(1), atol=1e-4)


@pytest.mark.parametrize('pool', [8, 16])
def test_coarse_scores_are_scaled_up_to_our_coarsest_stride(tmp_path: Path, pool: int) -> None:
    import cv2  # noqa: PLC0415

    bundle = imported(tmp_path, foreign(pool=pool))

    planes = expected(levels(), pool)[0]
    resized = [cv2.resize(one, (WIDTH // 4, HEIGHT // 4)) for one in planes]
    np.testing.assert_allclose(infer(bundle, levels())[0], np.stack(resized), atol=1e-4)
    assert bundle.manifest.output_stride == 4


@pytest.mark.parametrize('extra', [False, True])
def test_any_tensor_can_be_named_as_output(tmp_path: Path, *, extra: bool) -> None:
    bundle = imported(tmp_path, foreign(argmax=True, extra=extra), output='1234')

    np.testing.assert_allclose(infer(bundle, levels()), expected(levels()), atol=1e-4)


def test_segmenter_runs_the_imported_bundle(tmp_path: Path) -> None:
    bundle = imported(tmp_path, foreign())
    image = np.full((90, 120, 3), 255, np.uint8)
    image[:, 60:] = (255, 0, 0)  # only red is left; where it is white, blue has the largest gain

    with open_segmenter(bundle.path) as segmenter:
        result = segmenter(image)

    assert result.labels.shape == (90, 120)
    assert set(np.unique(result.labels[:, 70:])) == {0}
    assert set(np.unique(result.labels[:, :50])) == {2}


def test_torch_engine_says_that_it_needs_weights(tmp_path: Path) -> None:
    pytest.importorskip('torch')
    bundle = imported(tmp_path, foreign())

    with pytest.raises(BundleError, match=r'has no weights\.safetensors.*torch'):
        open_engine('torch', bundle)


def test_origin_is_in_the_manifest_and_folders_are_not(tmp_path: Path) -> None:
    made = imported(tmp_path, foreign(), licence={'weights': 'MIT', 'data': 'own'}, name='city')

    assert made.manifest.training['imported from'] == 'foreign.onnx'
    assert (made.manifest.name, made.manifest.licence['weights']) == ('city', 'MIT')
    assert str(tmp_path) not in str(made.manifest)


@pytest.mark.parametrize(
    ('network', 'changes', 'words'),
    [
        (b'no network', {}, 'no ONNX network'),
        (foreign(opset=9), {}, 'opset 9; expected 11 to 23'),
        (foreign(argmax=True), {}, r"'ids' .* class ids, no scores.*--output"),
        (foreign(['n', 'h', 'w', 3]), {}, r"'input.1' \(\?, \?, \?, 3\).*channels last"),
        (foreign([1, 1, 'h', 'w']), {}, r'\(1, 1, \?, \?\).*colour images'),
        (foreign([4, 3, 'h', 'w']), {}, 'a fixed batch of 4'),
        (foreign([3, 'h', 'w']), {}, r"'input.1' \(3, \?, \?\)"),
        (foreign(), {'size': None}, 'any size.*--size 512x1024'),
        (foreign(FIXED), {'size': (64, 64)}, 'does not take 64x64'),
        (foreign(), {'size': (50, 64)}, 'multiple of 4'),
        (foreign(), {'mean': (1.0, 1.0, -1.0)}, '--scale 1/255'),
        (foreign(extra=True), {}, 'outputs 1234, auxiliary; say with --output'),
        (foreign(), {'output': 'nothing'}, "Unknown output 'nothing'; expected one of 1234"),
    ],
)
def test_refusals_say_what_is_wrong_and_leave_nothing_behind(
    tmp_path: Path, network: bytes, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(BundleError, match=words):
        imported(tmp_path, network, **changes)

    assert [one.name for one in tmp_path.iterdir()] == ['foreign.onnx']


def test_number_of_classes_is_checked_against_the_taxonomy(tmp_path: Path) -> None:
    two = replace(tiny.TAXONOMY, classes=tiny.TAXONOMY.classes[:2])

    with pytest.raises(BundleError, match="3 classes; expected 2 classes of taxonomy 'tiny3'"):
        imported(tmp_path, foreign(), taxonomy=two)


def test_an_opset_from_the_future_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r'opset.*(17 suits most readers|Export it again)'):
        imported(tmp_path, foreign(opset=99))
