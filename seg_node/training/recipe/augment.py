# SPDX-License-Identifier: Apache-2.0
"""How training samples are changed at random: the part ``augment`` of a recipe; free of torch."""

from __future__ import annotations

from dataclasses import dataclass

from seg_node.errors import ParameterError

CHANCES = (
    'flip',
    'blur',
    'noise',
    'motion',
    'jpeg',
    'rain',
    'fog',
    'glare',
    'night',
    'rare_crop',
    'class_mix',
    'copy_paste',
)
EXCLUSIVE = (('rain', 'fog', 'glare', 'night'), ('class_mix', 'copy_paste'))
RANGES = ('scale', 'jpeg_quality', 'weather')


@dataclass(frozen=True, slots=True)
class AugmentPart:
    """Random changes of a training sample; a probability or largest change of 0 switches one off.

    The changes from ``motion`` on have random numbers of their own: switched on or off, they leave
    crops, colours and noise of a run as they were.

    Attributes:
        crop: Height and width of a training sample [px].
        scale: Smallest and largest zoom of an image that fills the network input, as the node
            fits it; drawn evenly on a log scale.
        flip: Probability of mirroring left and right.
        brightness: Largest shift of levels, as a share of 255.
        contrast: Largest relative change of contrast.
        saturation: Largest relative change of saturation.
        gamma: Largest exponent (and its inverse) of the tone curve; 1 leaves it.
        tint: Largest relative gain or loss of each colour channel (white balance).
        blur: Probability of a Gaussian blur of up to 1.5 px.
        noise: Probability of Gaussian noise of up to 12 levels.
        motion: Probability of motion blur of up to 9 px.
        jpeg: Probability of compression as JPEG.
        jpeg_quality: Lowest and highest quality of it, 1 to 100.
        rain: Probability of rain: haze, streaks and drops on the lens.
        fog: Probability of fog that grows with an assumed distance.
        glare: Probability of a low sun in front.
        night: Probability of night: dark, lamps, noise. At most one of rain, fog, glare and
            night comes over a sample; their probabilities add up.
        weather: Least and greatest strength of these four, 0 to 1.
        rare_crop: Probability that a crop is placed round a pixel of a rare class.
        rare_classes: Names of the rare classes; without any, all with few pixels.
        rare_share: Share of the labelled pixels below which a class has few.
        class_mix: Probability that half the classes of a second sample cover it (ClassMix).
        copy_paste: Probability that rare classes of a second sample cover it. At most one of the
            two happens; their probabilities add up.
    """

    crop: tuple[int, int] = (288, 384)
    scale: tuple[float, float] = (0.6, 1.8)
    flip: float = 0.5
    brightness: float = 0.15
    contrast: float = 0.3
    saturation: float = 0.4
    gamma: float = 1.3
    tint: float = 0.08
    blur: float = 0.15
    noise: float = 0.15
    motion: float = 0.0
    jpeg: float = 0.0
    jpeg_quality: tuple[int, int] = (30, 90)
    rain: float = 0.0
    fog: float = 0.0
    glare: float = 0.0
    night: float = 0.0
    weather: tuple[float, float] = (0.2, 1.0)
    rare_crop: float = 0.0
    rare_classes: tuple[str, ...] = ()
    rare_share: float = 0.02
    class_mix: float = 0.0
    copy_paste: float = 0.0

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ParameterError: A probability is not one, a range is upside down, or a size is not
                positive.
        """
        for name in CHANCES:
            _expect(0 <= getattr(self, name) <= 1, name, getattr(self, name), 'in 0..1')
        for group in EXCLUSIVE:
            total = sum(getattr(self, name) for name in group)
            _expect(total <= 1 + 1e-9, ' + '.join(group), total, 'of at most 1')
        for name in RANGES:
            low, high = getattr(self, name)
            _expect(low <= high, name, [low, high], 'with the smaller number first')
        _expect(min(self.crop) > 0, 'crop', list(self.crop), 'above 0 [px]')
        _expect(self.scale[0] > 0, 'scale', list(self.scale), 'above 0')
        quality = self.jpeg_quality
        _expect(quality[0] >= 1 and quality[1] <= 100, 'jpeg_quality', list(quality), 'in 1..100')  # noqa: PLR2004
        strength = self.weather
        _expect(strength[0] >= 0 and strength[1] <= 1, 'weather', list(strength), 'in 0..1')

    @property
    def seeks_rare(self) -> bool:
        """Whether any change looks for rare classes."""
        return self.rare_crop > 0 or self.copy_paste > 0


def _expect(fine: bool, name: str, value: object, what: str) -> None:  # noqa: FBT001
    if not fine:
        msg = f'The value of augment.{name} is {value!r}; expected a value {what}.'
        raise ParameterError(msg)
