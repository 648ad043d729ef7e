# SPDX-License-Identifier: Apache-2.0
"""Errors a caller may want to tell apart.

* SegNodeError
  - TaxonomyError      a class list is malformed, or model and data disagree about it
  - BundleError        a model bundle is missing, damaged, altered or of another format
  - ImageError         a camera frame cannot be decoded
  - DatasetError       a data set is incomplete or its labels are out of range
  - CrfError           the dense CRF got input it cannot refine, or its library is missing
  - ParameterError     a parameter, alone or together with others, is not valid
  - BagError           a recording cannot be read or lacks a topic
  - VideoError         a video cannot be written so that it plays
  - ShareError         an installed file (launch, configuration, bundle) cannot be found
  - ExportError        a trained network does not survive its export
  - TrainingError      training has gone wrong and cannot go on
  - DemoError          the demonstration cannot run
  - ProcessError       a process of ours (node, player, recorder) failed or cannot be started
  - EngineError        an inference back end failed
    + EngineUnavailableError   its library or device is not here
    + TensorMismatchError      an array does not fit the network's input or output
    + DeviceError              a GPU failed; says whether this process can use it again

Wrong *arguments* in code stay ``ValueError`` and ``TypeError``; these classes are for conditions
of the world that a user can cause and mend, so each message says what happened, what was expected
and what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    'BagError',
    'BundleError',
    'CrfError',
    'DatasetError',
    'DemoError',
    'DeviceError',
    'EngineError',
    'EngineUnavailableError',
    'ExportError',
    'ImageError',
    'ParameterError',
    'ProcessError',
    'SegNodeError',
    'ShareError',
    'TaxonomyError',
    'TensorMismatchError',
    'TrainingError',
    'VideoError',
    'one_of',
]


class SegNodeError(Exception):
    """Base of all errors that seg_node raises on purpose."""


class TaxonomyError(SegNodeError):
    """A class list is malformed, or model and data disagree about it."""


class BundleError(SegNodeError):
    """A model bundle is missing, damaged, altered or of another format."""


class ImageError(SegNodeError):
    """A camera frame cannot be decoded."""


class DatasetError(SegNodeError):
    """A data set is incomplete or its labels are out of range."""


class CrfError(SegNodeError):
    """The dense CRF got input it cannot refine, or its library is missing."""


class ParameterError(SegNodeError):
    """A parameter, alone or together with others, is not valid."""


class BagError(SegNodeError):
    """A recording cannot be read or lacks a topic."""


class VideoError(SegNodeError):
    """A video cannot be written so that it plays."""


class ShareError(SegNodeError):
    """An installed file cannot be found."""


class ExportError(SegNodeError):
    """A trained network does not survive its export."""


class TrainingError(SegNodeError):
    """Training has gone wrong and cannot go on, for example with a loss that is no number."""


class DemoError(SegNodeError):
    """The demonstration cannot run."""


class ProcessError(SegNodeError):
    """A process of ours (node, player, recorder) failed or cannot be started."""


class EngineError(SegNodeError):
    """An inference back end failed."""


class EngineUnavailableError(EngineError):
    """The library or the device of an inference back end is not here."""


class TensorMismatchError(EngineError):
    """An array does not fit the network's input or output."""

    def __init__(self, name: str, *, expected: str, got: str, remedy: str = '') -> None:
        """Keep the parts of the message, so that a caller can act on them.

        Args:
            name: Name of the tensor in the network.
            expected: Layout and dtype that the network takes or gives.
            got: Layout and dtype of the array.
            remedy: A sentence that says what to do.
        """
        text = f'Tensor {name!r}: expected {expected}, got {got}.'
        super().__init__(f'{text} {remedy}'.rstrip())
        self.name = name
        self.expected = expected
        self.got = got
        self.remedy = remedy


class DeviceError(EngineError):
    """A GPU or its driver failed."""

    def __init__(self, text: str, *, sticky: bool = False, out_of_memory: bool = False) -> None:
        """Keep what decides whether to try again.

        Args:
            text: What happened and what to do.
            sticky: Whether the process's CUDA context is spoilt: every later call fails too, until
                the process is started again.
            out_of_memory: Whether less work at a time (batch, image size, workspace) may succeed.
        """
        super().__init__(text)
        self.sticky = sticky
        self.out_of_memory = out_of_memory


def one_of(what: str, got: object, choices: Iterable[str]) -> str:
    """Return the house sentence for a name that is not among the known ones.

    Args:
        what: Noun for the thing that was named.
        got: The name as given.
        choices: Known names; they are listed in sorted order.

    Example:
        >>> one_of('engine', 'tensorflow', ['torch', 'onnxruntime'])
        "Unknown engine 'tensorflow'; expected one of onnxruntime, torch."
    """
    return f'Unknown {what} {got!r}; expected one of {", ".join(sorted(choices))}.'
