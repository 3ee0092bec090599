"""Labelling in a browser: a page, alone or with others, over a pool in a file."""

from .label_studio import LabelStudio
from .serving import Page, serve

__all__ = ["LabelStudio", "Page", "serve"]
