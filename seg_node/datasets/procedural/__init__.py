# SPDX-License-Identifier: Apache-2.0
"""Seeded street scenes with exact labels: single pictures and drives, no download needed."""

from .drive import Drive
from .scenes import ProceduralScenes
from .writer import write_scenes

__all__ = ['Drive', 'ProceduralScenes', 'write_scenes']
