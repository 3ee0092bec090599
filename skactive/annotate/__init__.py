"""Labelling in a browser: a page, alone or with others, over a pool in a file."""
