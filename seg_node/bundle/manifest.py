# SPDX-License-Identifier: Apache-2.0
"""What must be known to run a model and to read its output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from seg_node.errors import BundleError, one_of, SegNodeError
from seg_node.imaging import InputSpec
from seg_node.taxonomy import Taxonomy

__all__ = ['FORMAT', 'Manifest', 'check_format']

FORMAT = '1.0'
"""Version of the bundle format: the number before the dot changes when old readers must refuse."""

OUTPUT_STRIDES = (1, 2, 4)
PRECISIONS = ('fp32', 'int8')
KINDS = {str: 'text', int: 'a whole number', Mapping: 'an object of names and values'}
TABLES = ('architecture', 'licence', 'training', 'quality', 'crf', 'files')


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The one truth that training, export, node and evaluation share.

    Attributes:
        name: Name of the bundle, for people.
        taxonomy: Classes in the order of the network's output planes.
        input: Size of the network's input and how an image is fitted to it.
        architecture: What ``seg_node.model`` needs to build the network again.
        output_stride: Input pixels per score, 1, 2 or 4 in each direction.
        temperature: Scores are divided by it before the softmax, so that a confidence is the share
            of pixels that are right (Guo et al., "On Calibration of Modern Neural Networks",
            2017).
        opset: ONNX operator set of ``model.onnx``.
        precision: What an engine that can choose takes, ``fp32`` or ``int8``.
        drivable_threshold: Least probability of the label at a drivable pixel with which held-out
            images had a false-drivable rate of at most 0.5 %; None where that was not measured.
        licence: Terms of the ``weights`` and of the ``data`` they were trained on.
        training: Data, recipe, seed and commit of the training run.
        quality: Measured figures, each with its data set and conditions.
        crf: The dense CRF preset that was tuned for this network, as plain data, with its gate and
            what it was worth on which data; empty if none was. ``seg_node.crf.tuned`` reads it.
        synthetic_only: Classes of which training saw (nearly) no real pixels.
        files: SHA-256 (hex) of each file beside the manifest.
    """

    name: str
    taxonomy: Taxonomy
    input: InputSpec
    architecture: Mapping[str, Any]
    output_stride: int
    temperature: float = 1.0
    opset: int = 20
    precision: str = 'fp32'
    drivable_threshold: float | None = None
    licence: Mapping[str, str] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    quality: Mapping[str, Any] = field(default_factory=dict)
    crf: Mapping[str, Any] = field(default_factory=dict)
    synthetic_only: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse values that no network of ours can have."""
        self._check_types()
        if self.output_stride not in OUTPUT_STRIDES:
            msg = (
                f'Bundle {self.name!r} has output stride {self.output_stride!r}; expected one of '
                f'{OUTPUT_STRIDES}.'
            )
            raise BundleError(msg)
        if not 0.0 < self.temperature < float('inf'):
            msg = (
                f'Bundle {self.name!r} has temperature {self.temperature!r}; expected a positive '
                'number, 1.0 for uncalibrated scores.'
            )
            raise BundleError(msg)
        if self.precision not in PRECISIONS:
            raise BundleError(
                one_of(f'precision of bundle {self.name!r}:', self.precision, PRECISIONS)
            )
        self._check_threshold()
        for name in self.synthetic_only:
            self.taxonomy.index(name)

    def _check_threshold(self) -> None:
        value = self.drivable_threshold
        if value is not None and not 0.0 <= value <= 1.0:
            msg = (
                f'Bundle {self.name!r} has drivable threshold {value!r}; expected a probability '
                'from 0 to 1, or null.'
            )
            raise BundleError(msg)

    def _check_types(self) -> None:
        """Refuse what JSON can say and nobody could use."""
        wanted = {'name': str, 'opset': int, **dict.fromkeys(TABLES, Mapping)}
        for what, kind in wanted.items():
            value = getattr(self, what)
            if not isinstance(value, kind):
                msg = (
                    f'Bundle {self.name!r} has {what} {value!r}; expected '
                    f'{KINDS[kind]}. Export the bundle again with "seg export".'
                )
                raise BundleError(msg)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; the inverse of ``from_dict``."""
        plain = {one.name: getattr(self, one.name) for one in fields(self)}
        if not self.crf:
            del plain['crf']  # so that readers from before presets take the bundle
        converted = {
            'taxonomy': self.taxonomy.to_dict(),
            'input': self.input.to_dict(),
            'synthetic_only': list(self.synthetic_only),
        }
        return {'format': FORMAT, **plain, **converted}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Manifest:
        """Read a manifest from plain data.

        Raises:
            BundleError: If the format is another one, or a value is missing, unknown or not valid.
        """
        check_format(data.get('format'))
        values = {key: value for key, value in data.items() if key != 'format'}
        try:
            values['taxonomy'] = Taxonomy.from_dict(values['taxonomy'])
            values['input'] = InputSpec.from_dict(values['input'])
            values['synthetic_only'] = tuple(values.get('synthetic_only', ()))
            return cls(**values)
        except BundleError:
            raise
        except (KeyError, TypeError, ValueError, SegNodeError) as err:
            msg = (
                f'Manifest of bundle {data.get("name", "?")!r} is not valid: '
                f'{type(err).__name__}: {err} Export the bundle again with "seg export".'
            )
            raise BundleError(msg) from err


def check_format(version: object) -> None:
    """Refuse a bundle that this version cannot read.

    Args:
        version: ``'major.minor'`` as in the manifest; a newer minor is readable.

    Raises:
        BundleError: If the major number is another one, or there is none.
    """
    major = str(version).partition('.')[0]
    if major != FORMAT.partition('.')[0]:
        msg = (
            f'Bundle has format {version!r}; this seg_node reads {FORMAT.partition(".")[0]}.x. '
            'Update seg_node, or export the bundle again with this version.'
        )
        raise BundleError(msg)
