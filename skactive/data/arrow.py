"""Tables of Arrow as blocks of rows: frames, columns or arrays of the same dtypes each time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any

import numpy as np


def pyarrow(module: str = "") -> Any:
    """Import pyarrow, or a module of it, or say what to install."""
    try:
        return import_module(f"pyarrow.{module}" if module else "pyarrow")
    except ImportError as error:
        raise ImportError(
            "parquet and Arrow files are read by pyarrow; write pip install 'skactive[parquet]'."
        ) from error


class BlockMaker:
    """Makes blocks of tables, all of one form.

    Parameters
    ----------
    schema : pyarrow.Schema
        Names and types of the columns.
    lacks : iterable of str
        Columns in which a value is missing somewhere, so that pandas has another dtype for them.
    output : {"pandas", "numpy"}
        A frame, or an array, for columns that are all numbers.
    is_column : bool
        Whether the only column is a Series, not a frame.
    """

    def __init__(
        self, schema: Any, lacks: Iterable[str], output: str = "pandas", is_column: bool = False
    ) -> None:
        types = pyarrow("types")
        self.schema, self.is_column, self.output = schema, is_column, output
        self.lacks = sorted(set(lacks))
        self._changed: dict[str, Any] = {}
        for name in set(self.lacks) & set(schema.names):
            if types.is_integer(schema.field(name).type):
                self._changed[name] = np.float64
            elif types.is_boolean(schema.field(name).type):
                self._changed[name] = object
        self._dtype = self._dtype_of_all() if output == "numpy" else None

    def __call__(self, table: Any, start: int) -> Any:
        """Return a table as a block, whose first row has this number."""
        frame = self._frame(table.select(self.schema.names).cast(self.schema))
        if self._dtype is not None:
            array = frame.to_numpy(self._dtype)
            return array[:, 0] if self.is_column else array
        frame.index = range(start, start + len(frame))
        return frame.iloc[:, 0] if self.is_column else frame

    def of_column(self, name: str) -> BlockMaker:
        """Return what makes a Series of a column alone."""
        schema = pyarrow().schema([self.schema.field(name)])
        return BlockMaker(schema, self.lacks, is_column=True)

    def without(self, name: str) -> BlockMaker:
        """Return what makes blocks without a column."""
        schema = self.schema.remove(self.schema.get_field_index(name))
        return BlockMaker(schema, self.lacks, self.output)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]

    def _frame(self, table: Any) -> Any:
        frame = table.to_pandas(ignore_metadata=True, date_as_object=False)
        return frame.astype(self._changed) if self._changed else frame

    def _dtype_of_all(self) -> Any:
        """Return the dtype of an array of all columns, refusing those that hold no numbers."""
        dtypes = dict(self._frame(self.schema.empty_table()).dtypes)
        others = [name for name, dtype in dtypes.items() if dtype.kind not in "iufb"]
        if others:
            raise ValueError(
                f"open_rows got output='numpy', but column {others[0]!r} holds no numbers; write "
                f"output='pandas', or columns= without it."
            )
        return np.result_type(*dtypes.values())


def one_schema(names: Sequence[str], schemas: Sequence[Any], columns: Any) -> Any:
    """Return the schema of the columns of all tables, or say which table has others.

    Parameters
    ----------
    names : sequence of str
        What the tables are called.
    schemas : sequence of pyarrow.Schema
        One for each.
    columns : list of str or None
        Which columns are wanted. None: all of them.

    Returns
    -------
    pyarrow.Schema
        Types are those to which all can be cast; of categories, the type of their values.
    """
    if columns is None:
        columns = _columns(schemas[0])
        for name, schema in zip(names, schemas, strict=True):
            others = set(columns) ^ set(_columns(schema))
            if others:
                raise ValueError(
                    f"{name} and {names[0]} do not have the same columns: {min(others)!r} is in "
                    f"one of them alone; give files of the same table, or columns= that all have."
                )
    fields = []
    for column in columns:
        types = [_type_of(column, name, s) for name, s in zip(names, schemas, strict=True)]
        fields.append(_united(column, types, names))
    if not fields:
        raise ValueError(f"{names[0]} has no columns; give a table with at least one.")
    return pyarrow().schema(fields)


def _columns(schema: Any) -> list[str]:
    """Return the names of columns, without an index that pandas wrote."""
    index = (schema.pandas_metadata or {}).get("index_columns", [])
    return [name for name in schema.names if name not in index]


def _type_of(column: str, name: str, schema: Any) -> Any:
    """Return the type of a column's values: categories may differ between blocks."""
    if schema.names.count(column) != 1:
        known = ", ".join(map(repr, schema.names[:10]))
        raise ValueError(f"{name} has no single column {column!r}; its columns are {known}.")
    arrow = schema.field(column).type
    return arrow.value_type if pyarrow("types").is_dictionary(arrow) else arrow


def _united(column: str, types: list[Any], names: Sequence[str]) -> Any:
    """Return a column whose type takes the values of all these types."""
    arrow = pyarrow()
    parts = [arrow.schema([(column, each)]) for each in dict.fromkeys(types)]
    try:
        return arrow.unify_schemas(parts, promote_options="permissive").field(0)
    except (arrow.ArrowInvalid, arrow.ArrowTypeError) as error:
        odd = next(i for i, each in enumerate(types) if each != types[0])
        raise ValueError(
            f"column {column!r} is {types[odd]} in {names[odd]} and {types[0]} in {names[0]}; "
            f"write files with one type, or columns= without it."
        ) from error
