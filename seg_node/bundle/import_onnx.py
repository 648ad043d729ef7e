# SPDX-License-Identifier: Apache-2.0
"""A network from elsewhere as a bundle: what it is found out, checked, and wrapped into our form.

Any ONNX network that turns images (N, 3, H, W) into scores (N, K, h, w) will do. Around it, nodes
are added: channels are swapped, levels normalised and cast before it; behind it scores are cast,
probabilities turned back into scores, and scores coarser than our output strides resized.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
import tempfile
from typing import Any, TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime as ort

from seg_node import __version__
from seg_node.bundle.bundle import check_target, ONNX, sha256, write_bundle
from seg_node.bundle.foreign import find_image, first_line, input_size, load_foreign, opset_of
from seg_node.bundle.manifest import Manifest
from seg_node.bundle.wrapping import find_output, Head, PREFIX, Tail, wrap
from seg_node.errors import BundleError, ExportError
from seg_node.imaging import InputSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from seg_node.bundle.bundle import Bundle
    from seg_node.taxonomy import Taxonomy

    Float32Array = npt.NDArray[np.float32]

__all__ = ['Imported', 'Source', 'import_onnx']

RANK, CHANNELS = 4, 3
STRIDES = (1, 2, 4)
COARSEST = STRIDES[-1]
FLOATS = {'tensor(float)': np.float32, 'tensor(float16)': np.float16}
TOLERANCE = 0.01  # of the range of the scores; half precision has three digits
SUM_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class Source:
    """What the file of a network does not say.

    Attributes:
        path: The ONNX file.
        taxonomy: Its classes, in the order of its score planes.
        mean: Subtracted from the RGB levels 0..255, in the order R, G, B.
        std: Divides them, in the order R, G, B.
        size: Height and width of its input [px]; None to take those that the file fixes.
        fit: How images are fitted to that size, ``'letterbox'`` or ``'stretch'``.
        bgr: Whether it wants blue first.
        output: Name of the tensor with the scores; empty for the only one that could be it.
        name: Of the bundle.
        licence: Terms of ``weights`` and ``data``.
        notes: What a reader of the model card must know.
    """

    path: Path
    taxonomy: Taxonomy
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    size: tuple[int, int] | None = None
    fit: str = 'letterbox'
    bgr: bool = False
    output: str = ''
    name: str = 'imported'
    licence: Mapping[str, str] | None = None
    notes: str = ''


@dataclass(frozen=True, slots=True)
class Imported:
    """A bundle made from a foreign network, and what was found and done.

    Attributes:
        bundle: As written.
        notes: Sentences for the user.
    """

    bundle: Bundle
    notes: tuple[str, ...]


def import_onnx(source: Source, folder: Path) -> Imported:
    """Turn a foreign network into a bundle, and prove that it computes the same.

    Args:
        source: The network, and what its file does not say.
        folder: Where the bundle goes.

    Raises:
        BundleError: The network cannot be read, is none of ours or does not fit what was said
            about it; nothing is written.
        ExportError: Wrapped, it computes something else; nothing is written.
    """
    check_target(folder)
    model = load_foreign(source.path)
    opset = opset_of(model, source.path)
    size = input_size(find_image(model, source.path), source.path, source.size)
    spec = _input_spec(source, size)
    output = find_output(model, source.output)
    batch = _probe(size)
    plain = _normalised(batch, source)
    given, kind = _run_plain(model, output, plain)
    _check_scores(given, source, output)
    tail, notes = _tail(given, size)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / ONNX
        head = Head(source.mean, source.std, source.bgr, kind, size)
        onnx.save(wrap(model, output, head, tail), str(path))
        stride = _check_wrapped(path, batch, given, tail, size)
        manifest = Manifest(
            name=source.name,
            taxonomy=source.taxonomy,
            input=spec,
            architecture={'family': 'onnx'},
            output_stride=stride,
            opset=opset,
            licence=dict(source.licence or {'weights': 'not stated', 'data': 'not stated'}),
            training=_origin(source, model, output),
            quality={'note': 'Not measured. Run "seg evaluate" on labelled images.'},
        )
        return Imported(write_bundle(folder, manifest, {ONNX: path}), (*notes, *_advice(stride)))


def _input_spec(source: Source, size: tuple[int, int]) -> InputSpec:
    try:
        return InputSpec.from_dict(
            {
                'height': size[0],
                'width': size[1],
                'fit': source.fit,
                'mean': source.mean,
                'std': source.std,
                'channel_order': 'rgb',
            }
        )
    except ValueError as err:
        msg = f'{err} Where mean and std refer to levels of 0 to 1, add --scale 1/255.'
        raise BundleError(msg) from err


def _probe(size: tuple[int, int]) -> Float32Array:
    """Return an image with structure: noise of several grain sizes."""
    rng = np.random.default_rng(0)
    image = rng.uniform(0, 255, (1, CHANNELS, *size))
    coarse = rng.uniform(0, 255, (1, CHANNELS, *(-(-side // 16) for side in size)))
    blocks = coarse.repeat(16, axis=2).repeat(16, axis=3)[..., : size[0], : size[1]]
    return (0.3 * image + 0.7 * blocks).astype(np.float32)


def _normalised(batch: Float32Array, source: Source) -> Float32Array:
    """Compute what the network was trained to see, apart from the nodes that shall do so."""
    mean, std = (np.asarray(one, np.float32)[:, None, None] for one in (source.mean, source.std))
    plain: Float32Array = (batch - mean) / std
    return np.ascontiguousarray(plain[:, ::-1] if source.bgr else plain)


def _run_plain(
    model: onnx.ModelProto, output: str, batch: Float32Array
) -> tuple[npt.NDArray[Any], str]:
    """Run the network as it came; return its scores and the type of its input."""
    tapped = onnx.ModelProto()
    tapped.CopyFrom(model)
    if output not in {one.name for one in tapped.graph.output}:
        tapped.graph.output.append(onnx.ValueInfoProto(name=output))
    session = _session(tapped.SerializeToString())
    image = session.get_inputs()[0]
    try:
        (scores,) = session.run([output], {image.name: batch.astype(FLOATS[image.type])})
    except Exception as err:  # ONNX Runtime's errors have no common base class
        msg = (
            f'The network fails on an image of {batch.shape[2]} x {batch.shape[3]} pixels: '
            f'{first_line(err)} Give another --size, most often a multiple of 32.'
        )
        raise BundleError(msg) from err
    return np.asarray(scores), str(image.type)


def _check_scores(scores: npt.NDArray[Any], source: Source, output: str) -> None:
    shown = f'{output.removeprefix(PREFIX)!r} of shape {scores.shape} {scores.dtype}'
    wanted = f'{len(source.taxonomy)} classes of taxonomy {source.taxonomy.name!r}'
    if not np.issubdtype(scores.dtype, np.floating):
        msg = (
            f'The network gives {shown}: class ids, no scores; an argmax is part of it. '
            'Confidence and entropy need scores: export it without the argmax, or name the tensor '
            'before it with --output.'
        )
    elif scores.ndim != RANK:
        msg = f'The network gives {shown}; expected scores (N, K, h, w).'
    elif scores.shape[1] != len(source.taxonomy):
        hint = (
            'It gives classes last: export it with channels first.'
            if scores.shape[3] == len(source.taxonomy)
            else 'Give the taxonomy that it was trained with, as a YAML file if need be.'
        )
        msg = f'The network gives {shown}, {scores.shape[1]} classes; expected {wanted}. {hint}'
    elif not np.isfinite(scores).all():
        msg = f'The network gives {shown} that are not all finite. Check mean and std.'
    else:
        return
    raise BundleError(msg)


def _tail(scores: npt.NDArray[Any], size: tuple[int, int]) -> tuple[Tail, tuple[str, ...]]:
    """Find out what has to be done to the scores."""
    _, classes, *given = scores.shape
    notes = []
    resize = None
    if given not in [[side // stride for side in size] for stride in STRIDES]:
        resize = (size[0] // COARSEST, size[1] // COARSEST)
        notes.append(
            f'Scores of {given[0]} x {given[1]} are scaled to {resize[0]} x {resize[1]}, '
            f'a {COARSEST}th of the input.'
        )
    values = scores.astype(np.float64)
    probabilities = values.min() >= 0 and abs(values.sum(1) - 1).max() < SUM_TOLERANCE
    if probabilities:
        notes.append('The network ends in a softmax; its logarithm is taken as score.')
    return Tail(bool(probabilities), resize, (classes, given[0], given[1])), tuple(notes)


def _check_wrapped(
    path: Path,
    batch: Float32Array,
    given: npt.NDArray[Any],
    tail: Tail,
    size: tuple[int, int],
) -> int:
    """Run the wrapped network on RGB levels, compare it, and return its output stride."""
    session = _session(path.read_bytes())
    (scores,) = session.run(['scores'], {'image': batch})
    expected = tail.expected(given)
    if scores.shape != expected.shape:
        msg = f'Wrapped, the network gives {scores.shape}; expected {expected.shape}.'
        raise ExportError(msg)
    difference = float(np.abs(scores - expected).max())
    span = float(expected.max() - expected.min())
    if not difference <= TOLERANCE * max(span, 1e-6):
        msg = (
            f'Wrapped, the network computes something else: scores differ by up to '
            f'{difference:.3g} in a range of {span:.3g}. No bundle was written.'
        )
        raise ExportError(msg)
    return size[0] // int(scores.shape[2])


def _session(model: bytes) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(model, options, providers=['CPUExecutionProvider'])
    except Exception as err:  # its errors have no common base class
        msg = (
            f'ONNX Runtime {ort.__version__} cannot run the network: {first_line(err)} Export it '
            'with opset 17 and standard operators.'
        )
        raise BundleError(msg) from err


def _origin(source: Source, model: onnx.ModelProto, output: str) -> dict[str, Any]:
    producer = f'{model.producer_name} {model.producer_version}'.strip()
    return {
        'imported from': source.path.name,
        'sha256': sha256(source.path),
        'imported by': f'seg_node {__version__}',
        'made by': producer or 'not stated',
        'output': output.removeprefix(PREFIX),
        'channel order of the network': 'bgr' if source.bgr else 'rgb',
        'notes': source.notes,
    }


def _advice(stride: int) -> tuple[str, ...]:
    return (
        f'Scores at output stride {stride}.',
        'The bundle has no weights for torch: it runs with ONNX Runtime and cannot be trained on.',
        'Temperature is 1: confidences are not calibrated; seg evaluate finds the best one.',
    )
