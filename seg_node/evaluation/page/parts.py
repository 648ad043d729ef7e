# SPDX-License-Identifier: Apache-2.0
"""What every page is put together from."""

from __future__ import annotations

from html import escape

from seg_node.evaluation.page.style import STYLE

__all__ = ['html_page', 'plots', 'scroll', 'section']


def html_page(title: str, *parts: str, style: str = '') -> str:
    """Return a page that refers to nothing outside itself.

    Args:
        title: Of the window.
        parts: HTML, in order.
        style: Rules beside those of all pages.
    """
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><style>{STYLE}{style}</style></head>\n'
        f'<body>{"".join(parts)}</body></html>\n'
    )


def section(title: str, words: str, *parts: str) -> str:
    """Return a part of the page with a heading, and an explanation unless it is empty."""
    text = f'<p>{escape(words)}</p>' if words else ''
    return f'<section><h2>{escape(title)}</h2>{text}{"".join(parts)}</section>'


def scroll(part: str) -> str:
    """Return something wide in a box that scrolls by itself."""
    return f'<div class="scroll">{part}</div>'


def plots(*found: tuple[str, str, str]) -> str:
    """Return plots side by side: heading, SVG and explanation of each; empty ones are left out."""
    boxes = (
        f'<div><h3>{escape(title)}</h3>{svg}<small>{escape(words)}</small></div>'
        for title, svg, words in found
        if svg
    )
    return f'<div class="plots">{"".join(boxes)}</div>'
