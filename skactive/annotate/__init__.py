"""Labelling in a browser: a page, alone or with others, over a pool in a file."""

from .added import added_rows
from .label_studio import LabelStudio
from .serving import Page, serve

__all__ = ["LabelStudio", "Page", "added_rows", "serve"]
