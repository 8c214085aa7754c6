"""Many rows into the database at once, without an object for each.

PostgreSQL takes an array for each column. SQLite takes rows, as many in a statement as it has parameters: one
row a statement costs three times as much.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any

from django.db import connection, models

#: Rows of one statement, where arrays are given.
_MANY = 50_000


def insert(model: type[models.Model], arrays: Mapping[str, Sequence[Any]], **same: Any) -> None:
    """Insert rows; columns that are not named are left to the database.

    Args:
        arrays: attribute (``entry_id``) -> a value for each row, all of one length.
        same: attribute -> what all rows have.
    """
    fields = {field.attname: field for field in model._meta.concrete_fields}
    names = ", ".join(connection.ops.quote_name(str(fields[name].column)) for name in [*arrays, *same])
    into = f"INSERT INTO {connection.ops.quote_name(model._meta.db_table)} ({names})"
    if connection.vendor == "postgresql":
        kinds = [str(fields[name].db_type(connection)).partition("(")[0] for name in arrays]
        _insert_arrays(into, kinds, arrays, same)
    else:
        _insert_rows(into, arrays, same)


def _insert_arrays(
    into: str, kinds: Sequence[str], arrays: Mapping[str, Sequence[Any]], same: Mapping[str, Any]
) -> None:
    columns = "given.*" + ", %s" * len(same)
    lists = ", ".join(f"%s::{kind}[]" for kind in kinds)
    statement = f"{into} SELECT {columns} FROM unnest({lists}) AS given"  # noqa: S608 - names of columns
    with connection.cursor() as cursor:
        for pieces in _pieces(arrays, _MANY):
            cursor.execute(statement, [*same.values(), *map(list, pieces)])


def _insert_rows(into: str, arrays: Mapping[str, Sequence[Any]], same: Mapping[str, Any]) -> None:
    width = len(arrays) + len(same)
    row = f"({', '.join(['%s'] * width)})"
    with connection.cursor() as cursor:
        for pieces in _pieces(arrays, (connection.features.max_query_params or 999) // width):
            values = list(chain.from_iterable(zip(*pieces, *map(repeat, same.values()), strict=False)))
            cursor.execute(f"{into} VALUES {', '.join([row] * len(pieces[0]))}", values)


def _pieces(arrays: Mapping[str, Sequence[Any]], many: int) -> Iterator[list[Sequence[Any]]]:
    rows = len(next(iter(arrays.values())))
    return ([one[at : at + many] for one in arrays.values()] for at in range(0, rows, many))
