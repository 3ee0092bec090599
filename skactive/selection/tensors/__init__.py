"""The selection functions that work on torch tensors where they are, on a GPU or the CPU.

Imported by their namesakes, once they are given a tensor: torch is not needed otherwise.
"""
