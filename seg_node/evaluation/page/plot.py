# SPDX-License-Identifier: Apache-2.0
"""Line plots as SVG, whose colours are those of the page around them."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    Point = tuple[float, float]

__all__ = ['Axes', 'Span']

# All in [px].
WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 62, 16, 12, 46


@dataclass(frozen=True, slots=True)
class Span:
    """One axis.

    Attributes:
        label: What it shows, with the unit.
        low: Value at its beginning.
        high: Value at its end.
        ticks: Where numbers stand.
        digits: Of these numbers.
    """

    label: str
    low: float
    high: float
    ticks: Sequence[float]
    digits: int = 0

    def share(self, value: float) -> float:
        """Return where a value lies, 0 to 1; what is outside is at the border."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)


@dataclass
class Axes:
    """A plot that is added to, piece by piece.

    Attributes:
        x: Axis to the right.
        y: Axis upwards.
        name: What the plot shows, for those who cannot see it.
        size: Width and height [px].
    """

    x: Span
    y: Span
    name: str
    size: tuple[int, int] = (WIDTH, HEIGHT)
    _parts: list[str] = field(default_factory=list)

    def line(self, points: Sequence[Point], style: str) -> None:
        """Add a line; ``style`` is a class of the style sheet."""
        places = ' '.join(f'{self._x(x):.1f},{self._y(y):.1f}' for x, y in points)
        self._parts.append(f'<polyline class="{style}" points="{places}"/>')

    def band(self, points: Sequence[tuple[float, float, float]], style: str) -> None:
        """Add an area between two lines: x, lower and upper y of each point."""
        upper = [f'{self._x(x):.1f},{self._y(high):.1f}' for x, _, high in points]
        lower = [f'{self._x(x):.1f},{self._y(low):.1f}' for x, low, _ in reversed(points)]
        self._parts.append(f'<polygon class="{style}" points="{" ".join((*upper, *lower))}"/>')

    def dots(self, points: Sequence[Point], style: str) -> None:
        """Add dots."""
        for x, y in points:
            place = f'cx="{self._x(x):.1f}" cy="{self._y(y):.1f}"'
            self._parts.append(f'<circle class="{style}" {place} r="4"/>')

    def bar(
        self, start: float, stop: float, height: float, style: str, foot: float | None = None
    ) -> None:
        """Add a bar, from the bottom up; one with a foot touches its neighbours."""
        left, right, top = self._x(start), self._x(stop), self._y(height)
        bottom = self._y(self.y.low if foot is None else foot)
        gap = 1.0 if foot is None else 0.0
        size = f'width="{max(right - left - gap, 1):.1f}" height="{bottom - top:.1f}"'
        place = f'x="{left + gap / 2:.1f}" y="{top:.1f}"'
        self._parts.append(f'<rect class="{style}" {place} {size}/>')

    def text(self, at: Point, words: str, style: str = 'note', anchor: str = 'start') -> None:
        """Add words at a point."""
        place = f'x="{self._x(at[0]):.1f}" y="{self._y(at[1]):.1f}"'
        self._parts.append(
            f'<text class="{style}" text-anchor="{anchor}" {place}>{escape(words)}</text>'
        )

    def svg(self) -> str:
        """Return the plot."""
        parts = [*self._grid(), *self._parts]
        return (
            f'<svg viewBox="0 0 {self.size[0]} {self.size[1]}" role="img" '
            f'aria-label="{escape(self.name)}">'
            f'{"".join(parts)}</svg>'
        )

    def _grid(self) -> list[str]:
        bottom, top = self._y(self.y.low), self._y(self.y.high)
        left, right = self._x(self.x.low), self._x(self.x.high)
        parts = []
        for tick in self.x.ticks:
            x = self._x(tick)
            parts.append(_segment((x, top), (x, bottom)))
            parts.append(_words((x, bottom + 17), f'{tick:.{self.x.digits}f}', 'middle'))
        for tick in self.y.ticks:
            y = self._y(tick)
            parts.append(_segment((left, y), (right, y)))
            parts.append(_words((left - 7, y + 4), f'{tick:.{self.y.digits}f}', 'end'))
        if self.x.label:
            place = ((left + right) / 2, self.size[1] - 8.0)
            parts.append(_words(place, self.x.label, 'middle', 'label'))
        turned = f'transform="translate(15 {(top + bottom) / 2:.0f}) rotate(-90)"'
        label = escape(self.y.label)
        parts.append(f'<text class="label" text-anchor="middle" {turned}>{label}</text>')
        return parts

    def _x(self, value: float) -> float:
        return LEFT + self.x.share(value) * (self.size[0] - LEFT - RIGHT)

    def _y(self, value: float) -> float:
        height = self.size[1]
        return height - BOTTOM - self.y.share(value) * (height - TOP - BOTTOM)


def _segment(start: Point, stop: Point) -> str:
    ends = f'x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{stop[0]:.1f}" y2="{stop[1]:.1f}"'
    return f'<line class="grid" {ends}/>'


def _words(place: Point, words: str, anchor: str, style: str = 'tick') -> str:
    at = f'x="{place[0]:.1f}" y="{place[1]:.1f}"'
    return f'<text class="{style}" text-anchor="{anchor}" {at}>{escape(words)}</text>'
