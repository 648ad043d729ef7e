# SPDX-License-Identifier: Apache-2.0
"""What must be known to build a network again: a plain value, free of torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Final, TYPE_CHECKING

from seg_node.errors import BundleError, one_of

if TYPE_CHECKING:
    from collections.abc import Mapping

FAMILIES: Final = ('erfnet', 'lite0', *(f'segformer-b{number}' for number in range(6)))
FINEST_STRIDES: Final = (2, 4)
# what the published weights of each family were trained with
LITE_MEAN: Final = (127.0, 127.0, 127.0)
LITE_STD: Final = (128.0, 128.0, 128.0)
IMAGENET_MEAN: Final = (123.675, 116.28, 103.53)
IMAGENET_STD: Final = (58.395, 57.12, 57.375)
NORMALISATION: Final = {
    'erfnet': ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0)),
    'lite0': (LITE_MEAN, LITE_STD),
    'segformer': (IMAGENET_MEAN, IMAGENET_STD),
}
OF_FAMILY: Final = (-1.0, -1.0, -1.0)  # no mean and no deviation can be negative


@dataclass(frozen=True, slots=True)
class NetConfig:
    """The choices that fix a network's parameters and their names.

    Attributes:
        family: ``lite0`` (EfficientNet-Lite0 encoder, skip decoder), ``erfnet``, or
            ``segformer-b0`` to ``segformer-b5`` (these need the extra ``segformer``).
        classes: Number of score planes K.
        mean: Subtracted from the RGB levels 0..255 inside the network; by default what published
            weights of the family were trained with.
        std: Divides the RGB levels 0..255 inside the network; the same.
        finest_stride: Stride of the finest features that the decoder of ``lite0`` merges, 2 or 4.
            With 2 it follows poles and other thin things, for a tenth more time.
    """

    family: str
    classes: int
    mean: tuple[float, float, float] = OF_FAMILY
    std: tuple[float, float, float] = OF_FAMILY
    finest_stride: int = 4

    def __post_init__(self) -> None:
        """Refuse what no network can be built from.

        Raises:
            BundleError: Unknown family, fewer than two classes, or an unknown finest stride.
        """
        if self.family not in FAMILIES:
            raise BundleError(one_of('network family', self.family, FAMILIES))
        if self.classes < 2:  # noqa: PLR2004
            msg = f'A network needs at least 2 classes, got {self.classes!r}. Check the taxonomy.'
            raise BundleError(msg)
        self._fill_normalisation()
        if self.finest_stride not in FINEST_STRIDES:
            msg = f'The finest stride is {self.finest_stride!r}; expected 2 or 4.'
            raise BundleError(msg)

    def _fill_normalisation(self) -> None:
        mean, std = NORMALISATION[self.family.partition('-')[0]]
        for name, value in (('mean', mean), ('std', std)):
            if getattr(self, name) == OF_FAMILY:
                object.__setattr__(self, name, value)

    def to_dict(self) -> dict[str, Any]:
        """Return what the manifest stores as ``architecture``."""
        values = asdict(self)
        return {**values, 'mean': list(self.mean), 'std': list(self.std)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> NetConfig:
        """Build the configuration from a manifest's ``architecture``.

        Raises:
            BundleError: A key is missing or unknown, or a value cannot be used.
        """
        known = tuple(field.name for field in fields(cls))
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise BundleError(one_of('architecture key', unknown[0], known))
        try:
            return cls(
                **{
                    **values,
                    'mean': _triple(values.get('mean', OF_FAMILY)),
                    'std': _triple(values.get('std', OF_FAMILY)),
                }
            )
        except (TypeError, ValueError, AttributeError) as err:
            msg = (
                f'The architecture {dict(values)!r} cannot be used: {err}. '
                f'Expected the keys {", ".join(known)}. Export the bundle again.'
            )
            raise BundleError(msg) from err


def _triple(values: Any) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
