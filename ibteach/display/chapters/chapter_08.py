"""ResNets: photographs, what augmentation does to them, and the information plane of recorded networks."""

from ibteach.display.chapters.chapter_07 import information_plane
from ibteach.display.live.photographs import samples, show

__all__ = ["information_plane", "samples", "show"]
