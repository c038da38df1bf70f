"""`requests.parquet`: the records as a table for DuckDB, pandas and Polars, made from the spool in bounded memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from loadgen.results import records as record
from loadgen.results.records import Records
from loadgen.results.store import RunFolder

ROWS = 100_000  # a row group


def write_table(folder: RunFolder, monitors: Sequence[str] = ("",), lost: Collection[int] = ()) -> None:
    """Turn the spooled records into Parquet, and drop the spools once they are safe; `monitors` are names.

    Lost workers' spools stay: their marks tell which of their sessions were not run.
    """
    import pyarrow.parquet as parquet

    unfinished = folder.records.with_suffix(".part")
    with parquet.ParquetWriter(unfinished, schema()) as writer:
        for spool in folder.spools:
            for batch in record.read(spool, ROWS):
                writer.write_table(table(batch, monitors))
    unfinished.replace(folder.records)
    kept = {folder.spool(worker) for worker in lost}
    for spool in folder.spools:
        if spool not in kept:
            spool.unlink()


def schema() -> Any:
    """The columns and their types; times are seconds from the run's zero."""
    import pyarrow as arrow

    kinds = {"S": arrow.string(), "b": arrow.bool_()}
    return arrow.schema(
        [
            (name, arrow.string() if name == "monitor" else kinds.get(kind.kind) or arrow.from_numpy_dtype(kind))
            for name, (kind, *_) in (record.RECORD.fields or {}).items()
        ]
    )


def table(batch: Records, monitors: Sequence[str]) -> Any:
    """Records as Arrow columns; no answer is a null status, no error a null error, an app monitor its name."""
    import pyarrow as arrow

    columns = []
    for field in schema():
        values = np.ascontiguousarray(batch[field.name])
        if field.name == "error":
            texts = [text.decode() or None for text in values.tolist()]
            columns.append(arrow.array(texts, field.type))
        elif field.name == "monitor":
            columns.append(arrow.array(monitors, field.type).take(arrow.array(values)))
        else:
            missing = values == record.NO_ANSWER if field.name == "status" else None
            columns.append(arrow.array(values, field.type, mask=missing))
    return arrow.Table.from_arrays(columns, schema=schema())
