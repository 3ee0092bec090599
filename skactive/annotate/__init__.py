"""Labelling in a browser: a page, alone or with others, over a pool in a file."""

from .serving import Page, serve

__all__ = ["Page", "serve"]
