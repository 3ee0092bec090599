"""The command line: ``skactive label data.csv --text review --classes positive,negative``."""

from .main import main

__all__ = ["main"]
