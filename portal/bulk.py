"""Many rows into the database at once, without an object for each."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any

from django.db import connection, models

#: Rows of one statement.
_MANY = 50_000


def insert(model: type[models.Model], arrays: dict[str, Sequence[Any]], **same: Any) -> None:
    """Insert rows; columns that are not named are left to the database.

    Args:
        arrays: attribute (``entry_id``) -> a value for each row, all of one length.
        same: attribute -> what all rows have.
    """
    rows = len(next(iter(arrays.values())))
    for start in range(0, rows, _MANY):
        _insert(model, {name: values[start : start + _MANY] for name, values in arrays.items()}, same)


def _insert(model: type[models.Model], arrays: dict[str, Sequence[Any]], same: dict[str, Any]) -> None:
    fields = {field.attname: field for field in model._meta.concrete_fields}
    quoted = connection.ops.quote_name
    columns = ", ".join(quoted(str(fields[name].column)) for name in [*arrays, *same])
    into = f"INSERT INTO {quoted(model._meta.db_table)} ({columns})"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            kinds = (str(fields[name].db_type(connection)).partition("(")[0] for name in arrays)
            lists = ", ".join(f"%s::{kind}[]" for kind in kinds)
            chosen = "given.*" + ", %s" * len(same)
            statement = f"{into} SELECT {chosen} FROM unnest({lists}) AS given"  # noqa: S608 - names of columns
            cursor.execute(statement, [*same.values(), *(list(values) for values in arrays.values())])
        else:
            marks = ", ".join(["%s"] * (len(arrays) + len(same)))
            rows = list(zip(*arrays.values(), *map(repeat, same.values()), strict=False))
            cursor.executemany(f"{into} VALUES ({marks})", rows)
