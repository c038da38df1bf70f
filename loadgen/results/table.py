"""`requests.parquet`: the records as a table for DuckDB, pandas and Polars; written from spools in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np

from loadgen.errors import LoadgenError, describe_error
from loadgen.output import open_output
from loadgen.results import records as record
from loadgen.results.records import Records
from loadgen.results.run_folder import RunFolder

ROWS = 100_000  # of a row group
TEXTS = ("error", "monitor")  # columns that are not read back


def write_table(folder: RunFolder, monitors: Sequence[str] = ("",)) -> None:
    """Write the records of the spools as Parquet; `monitors` are the names of the app monitors."""
    try:
        import pyarrow.parquet as parquet

        with open_output(folder.records) as file, parquet.ParquetWriter(file, build_schema()) as writer:
            for spool in folder.spools:
                for batch in record.read_spool(spool, ROWS):
                    writer.write_table(build_table(batch, monitors))
    except (MemoryError, ImportError) as error:
        raise LoadgenError(f"{folder.records.name}: {describe_error(error)}") from error


def open_table(folder: RunFolder) -> Any:
    """Open the table as a `ParquetFile`. Its name goes as bytes: pyarrow takes no text that is no UTF-8."""
    import pyarrow
    import pyarrow.parquet as parquet

    return parquet.ParquetFile(pyarrow.OSFile(os.fsencode(folder.records)))


def drop_spools(folder: RunFolder, lost: Collection[int] = ()) -> None:
    """Delete the spools. Call it when table and summary are written: until then a run is recovered from the spools.

    The spools of `lost` workers stay: their marks say which of their sessions were not run.
    """
    kept = {folder.locate_spool(worker) for worker in lost}
    for spool in folder.spools:
        if spool not in kept:
            spool.unlink()


def build_schema() -> Any:
    """Return the table's columns and their types; times are seconds from the run's zero."""
    import pyarrow as arrow

    kinds = {"S": arrow.string(), "b": arrow.bool_()}
    return arrow.schema(
        [
            (name, arrow.string() if name == "monitor" else kinds.get(kind.kind) or arrow.from_numpy_dtype(kind))
            for name, (kind, *_) in (record.RECORD.fields or {}).items()
        ]
    )


def build_table(batch: Records, monitors: Sequence[str]) -> Any:
    """Turn records into Arrow columns: null status for no answer, null error for no error, app monitors by name."""
    import pyarrow as arrow

    columns = []
    for field in build_schema():
        values = np.ascontiguousarray(batch[field.name])
        if field.name == "error":
            texts = [text.decode() or None for text in values.tolist()]
            columns.append(arrow.array(texts, field.type))
        elif field.name == "monitor":
            columns.append(arrow.array(monitors, field.type).take(arrow.array(values)))
        else:
            missing = values == record.NO_ANSWER if field.name == "status" else None
            columns.append(arrow.array(values, field.type, mask=missing))
    return arrow.Table.from_arrays(columns, schema=build_schema())


def read_records(folder: RunFolder, monitors: Sequence[str] = ()) -> Iterator[Records]:
    """Yield a run's records in chunks, from the table or, if the run was cut off, from the spools.

    Records from the table have monitor 0, unless `monitors` gives the names of the run's app monitors in order.
    """
    if not folder.records.is_file():
        for spool in folder.spools:
            yield from record.read_spool(spool)
        return
    try:
        import pyarrow
    except ImportError as error:
        raise LoadgenError(f"{folder.records}: {describe_error(error)}") from error
    try:
        # By one thread: when the system gives no memory for another, pyarrow's end the process (SIGSEGV).
        for table in open_table(folder).iter_batches(batch_size=100_000, use_threads=False):
            yield convert_to_records(table, monitors)
    except (pyarrow.ArrowException, KeyError, OSError) as error:
        raise LoadgenError(f"{folder.records}: cannot be read as a run's records; is it whole? {error}") from error


def convert_to_records(table: Any, monitors: Sequence[str] = ()) -> Records:
    """Turn Arrow columns into records: a null status is NO_ANSWER; errors are left out, and monitors unless named."""
    batch = np.zeros(table.num_rows, record.RECORD)
    for name in record.RECORD.names or ():
        if name not in TEXTS:
            column = table.column(name)
            filled = column.fill_null(record.NO_ANSWER) if column.null_count else column
            batch[name] = filled.to_numpy(zero_copy_only=False)
    if monitors:
        batch["monitor"] = [monitors.index(name) for name in table.column("monitor").to_pylist()]
    return batch
