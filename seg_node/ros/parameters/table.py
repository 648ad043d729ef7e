# SPDX-License-Identifier: Apache-2.0
"""The parameters of the node: one table, from which everything else is made or tested.

This file knows no ROS. The node declares what stands here; ``config/seg.params.yaml`` and the
table in ``docs/node.md`` are printed from it (``python -m seg_node.ros.parameters.docs``).
"""

from __future__ import annotations

from dataclasses import dataclass
import re
from typing import get_args, TYPE_CHECKING

from seg_node.crf.options import BackendName, Mode, Resolution
from seg_node.crf.registry import BACKENDS, why_missing
from seg_node.engines.registry import ENGINES, PRECISIONS
from seg_node.errors import one_of, ParameterError
from seg_node.pipeline.crf_choice import AUTO, PRESET_CHOICES

from .spec import Spec, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    'PARAMETERS',
    'Parameters',
    'Spec',
    'find_spec',
    'image_size_of',
    'set_faults',
    'unknown_name',
]

IMAGE_SIZE = re.compile(r'([1-9][0-9]{0,4})x([1-9][0-9]{0,4})')
TUNED_VALUE = -1.0  # stands for what the preset was tuned with


PARAMETERS: tuple[Spec, ...] = (
    Spec(
        'bundle',
        'default',
        'Name of a shipped model bundle or path of a bundle folder',
        change='configure',
    ),
    Spec(
        'engine',
        'auto',
        'Inference back end; auto takes the best one that works here and says why; with one on a '
        'GPU, the CPU answers frames until it is built and checked',
        choices=tuple(sorted({'auto', *ENGINES})),
        change='configure',
    ),
    Spec(
        'precision',
        'auto',
        'Arithmetic of the inference engine; auto takes what the bundle says, int8 only where the '
        'bundle has such a network; fp16 is for GPUs, where auto takes it instead of fp32',
        choices=tuple(sorted(PRECISIONS)),
        change='configure',
    ),
    Spec(
        'on_gpu_failure',
        'fallback',
        'What becomes of frames while the GPU has failed: fallback, the CPU answers them; fail, '
        'they are errors',
        choices=('fail', 'fallback'),
        change='configure',
    ),
    Spec(
        'gpu.image_size',
        '',
        'Width x height of the camera images, for example 1280x720, so that an engine is built '
        'before the first one; empty takes the size of the first',
        change='configure',
    ),
    Spec(
        'gpu.build_timeout',
        600.0,
        'A build of an engine that makes no progress for so long is ended and tried again',
        unit='s',
        bounds=(1.0, 86400.0),
        change='configure',
    ),
    Spec(
        'gpu.frame_timeout',
        2.0,
        'A GPU that has not answered a frame for so long hangs: the CPU answers this frame and '
        'all after it until the node is restarted',
        unit='s',
        bounds=(0.1, 60.0),
        change='configure',
    ),
    Spec(
        'gpu.retry_delay',
        5.0,
        'Before the GPU is tried again after a failure; doubles with each further failure, up to '
        'ten minutes',
        unit='s',
        bounds=(0.1, 600.0),
        change='configure',
    ),
    Spec(
        'threads',
        2,
        'Threads of an inference on the CPU',
        bounds=(1, 64),
        change='configure',
    ),
    Spec(
        'opencv_threads',
        1,
        'Threads that OpenCV may use inside one operation',
        bounds=(1, 64),
        change='configure',
    ),
    Spec(
        'image_transport',
        'raw',
        'Subscribe to the image itself, or to <image>/compressed',
        choices=('compressed', 'raw'),
        change='configure',
    ),
    Spec(
        'autostart',
        True,  # noqa: FBT003  # a default
        'Configure and activate without a lifecycle manager',
        change='start',
    ),
    Spec(
        'diagnostics_period',
        1.0,
        'Time between two messages on /diagnostics',
        unit='s',
        bounds=(0.1, 60.0),
        change='start',
    ),
    Spec(
        'max_age',
        0.0,
        'Drop a frame that is older than this when its turn comes; 0 keeps all',
        unit='s',
        bounds=(0.0, 60.0),
    ),
    Spec(
        'latency_budget',
        0.0,
        'From the arrival of a frame to its mask; the CRF is left out when it would not fit; '
        '0 sets no limit',
        unit='s',
        bounds=(0.0, 10.0),
    ),
    Spec(
        'drivable.min_probability',
        0.0,
        'Least probability of the label at a drivable pixel; 0 takes what the bundle was measured '
        'with, or 0.5',
        bounds=(0.0, 1.0),
    ),
    Spec(
        'drivable.max_entropy',
        0.5,
        'Largest normalised entropy at a drivable pixel',
        bounds=(0.0, 1.0),
    ),
    Spec('crf.enabled', False, 'Refine uncertain frames with a dense CRF'),  # noqa: FBT003
    Spec(
        'crf.preset',
        AUTO,
        'Weights and widths of the CRF; auto takes those tuned for the bundle if it has any, else '
        'the classic ones',
        choices=PRESET_CHOICES,
    ),
    Spec(
        'crf.mode',
        AUTO,
        'How exactly the native back end computes; auto takes what the preset says',
        choices=(AUTO, *get_args(Mode)),
    ),
    Spec(
        'crf.resolution',
        AUTO,
        "Solve on the pixels of the image (output) or on the grid of the network's scores "
        '(network); auto takes what the preset says',
        choices=(AUTO, *get_args(Resolution)),
    ),
    Spec(
        'crf.backend',
        AUTO,
        'Who computes the CRF; auto takes the best one that works here',
        choices=get_args(BackendName),
    ),
    Spec('crf.threads', 2, 'Threads of the CRF', bounds=(1, 64)),
    Spec(
        'crf.entropy_threshold',
        TUNED_VALUE,
        'A pixel whose normalised entropy is above this is uncertain; -1 takes what the preset '
        'was tuned with, or 0.5',
        bounds=(-1.0, 1.0),
    ),
    Spec(
        'crf.min_uncertain_fraction',
        TUNED_VALUE,
        'The CRF runs on frames with at least this share of uncertain pixels; 0 is every frame, '
        '-1 takes what the preset was tuned with, or 0.05',
        bounds=(-1.0, 1.0),
    ),
    Spec(
        'crf.hysteresis',
        0.2,
        'Once the CRF has run, it goes on until the share of uncertain pixels falls below '
        'min_uncertain_fraction by this part of it',
        bounds=(0.0, 1.0),
    ),
    Spec(
        'overlay_alpha',
        0.5,
        'Opacity of the class colours in the overlay picture',
        bounds=(0.0, 1.0),
    ),
    Spec(
        'snapshot_dir',
        '~/.ros/seg_node/snapshots',
        'Folder in which save_snapshot makes a new folder',
    ),
)


@dataclass(frozen=True, slots=True)
class Parameters:
    """One consistent set of values; the worker takes it once per frame.

    The fields are those of ``PARAMETERS``, a dot written as an underscore; units are given there.
    """

    bundle: str
    engine: str
    precision: str
    on_gpu_failure: str
    gpu_image_size: str
    gpu_build_timeout: float
    gpu_frame_timeout: float
    gpu_retry_delay: float
    threads: int
    opencv_threads: int
    image_transport: str
    autostart: bool
    diagnostics_period: float
    max_age: float
    latency_budget: float
    drivable_min_probability: float
    drivable_max_entropy: float
    crf_enabled: bool
    crf_preset: str
    crf_mode: str
    crf_resolution: str
    crf_backend: str
    crf_threads: int
    crf_entropy_threshold: float
    crf_min_uncertain_fraction: float
    crf_hysteresis: float
    overlay_alpha: float
    snapshot_dir: str

    @classmethod
    def from_values(cls, values: Mapping[str, object]) -> Parameters:
        """Return a validated set.

        Args:
            values: By parameter name, with dots; what is missing takes its default.

        Raises:
            ParameterError: If a name is unknown or a value is not valid; all faults are named.
        """
        faults = set_faults(values)
        if faults:
            raise ParameterError(' '.join(faults))
        chosen = {
            spec.field: spec.convert(values.get(spec.name, spec.default)) for spec in PARAMETERS
        }
        return cls(**chosen)  # type: ignore[arg-type]  # convert() returns each field's own type

    def to_values(self) -> dict[str, Value]:
        """Return the values by parameter name, with dots."""
        return {spec.name: getattr(self, spec.field) for spec in PARAMETERS}


def image_size_of(text: str) -> tuple[int, int] | None:
    """Return height and width of a valid ``gpu.image_size``; None if it is empty."""
    found = IMAGE_SIZE.fullmatch(text)
    return (int(found[2]), int(found[1])) if found else None


def find_spec(name: str) -> Spec | None:
    """Return the parameter of that name, or None."""
    return next((spec for spec in PARAMETERS if spec.name == name), None)


def unknown_name(name: str) -> str:
    """Return the sentence for a parameter that does not exist."""
    return one_of('parameter', name, (spec.name for spec in PARAMETERS))


def set_faults(values: Mapping[str, object]) -> list[str]:
    """Return what is wrong with these values, one sentence per fault, taken together.

    Args:
        values: By parameter name; parameters that are missing are not judged.
    """
    return [*_single_faults(values.items()), *_joint_faults(values)]


def _single_faults(items: Iterable[tuple[str, object]]) -> list[str]:
    faults = []
    for name, value in items:
        spec = find_spec(name)
        if spec is None:
            faults.append(unknown_name(name))
            continue
        try:
            spec.convert(value)
        except ParameterError as err:
            faults.append(str(err))
    return faults


def _joint_faults(values: Mapping[str, object]) -> list[str]:
    """Return faults that no value has alone."""
    faults = []
    if not str(values.get('snapshot_dir', '~')).strip():
        faults.append("Parameter 'snapshot_dir' is empty; expected a folder, for example '/tmp'.")
    return [*faults, *_image_size_faults(values), *_crf_faults(values)]


def _image_size_faults(values: Mapping[str, object]) -> list[str]:
    text = str(values.get('gpu.image_size', ''))
    if not text or IMAGE_SIZE.fullmatch(text):
        return []
    fault = (
        f"Parameter 'gpu.image_size' is {text!r}; expected width x height in pixels, for example "
        "'1280x720', or nothing."
    )
    return [fault]


def _crf_faults(values: Mapping[str, object]) -> list[str]:
    faults = []
    backend = values.get('crf.backend')
    if values.get('crf.enabled') is True and backend in BACKENDS and why_missing(str(backend)):
        faults.append(
            f"Parameter 'crf.backend' is {backend!r}, which does not work here: "
            f"{why_missing(str(backend))} Or set it to 'auto'."
        )
    for name in ('crf.entropy_threshold', 'crf.min_uncertain_fraction'):
        value = values.get(name)
        if isinstance(value, float) and TUNED_VALUE < value < 0.0:
            faults.append(
                f'Parameter {name!r} is {value!r}; expected 0 to 1, or {TUNED_VALUE:g} for what '
                'the preset was tuned with.'
            )
    return faults
