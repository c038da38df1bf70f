"""`requests.parquet`: the records as a table for DuckDB, pandas and Polars, made from the spool in bounded memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np

from loadgen.errors import LoadgenError, describe_error
from loadgen.output import open_output
from loadgen.results import records as record
from loadgen.results.records import Records
from loadgen.results.run_folder import RunFolder

ROWS = 100_000  # a row group
TEXTS = ("error", "monitor")  # columns that are not read back


def write_table(folder: RunFolder, monitors: Sequence[str] = ("",)) -> None:
    """Turn the spooled records into Parquet; `monitors` are names."""
    try:
        import pyarrow.parquet as parquet

        with open_output(folder.records) as file, parquet.ParquetWriter(file, build_schema()) as writer:
            for spool in folder.spools:
                for batch in record.read_spool(spool, ROWS):
                    writer.write_table(build_table(batch, monitors))
    except (MemoryError, ImportError) as error:
        raise LoadgenError(f"{folder.records.name}: {describe_error(error)}") from error


def drop_spools(folder: RunFolder, lost: Collection[int] = ()) -> None:
    """Delete the spools once the table and the summary are safe: until then they are what a run is recovered from.

    Lost workers' spools stay: their marks tell which of their sessions were not run.
    """
    kept = {folder.spool(worker) for worker in lost}
    for spool in folder.spools:
        if spool not in kept:
            spool.unlink()


def build_schema() -> Any:
    """The columns and their types; times are seconds from the run's zero."""
    import pyarrow as arrow

    kinds = {"S": arrow.string(), "b": arrow.bool_()}
    return arrow.schema(
        [
            (name, arrow.string() if name == "monitor" else kinds.get(kind.kind) or arrow.from_numpy_dtype(kind))
            for name, (kind, *_) in (record.RECORD.fields or {}).items()
        ]
    )


def build_table(batch: Records, monitors: Sequence[str]) -> Any:
    """Records as Arrow columns; no answer is a null status, no error a null error, an app monitor its name."""
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
    """A run's records, some at a time, from the table or from the spools of a run that was cut off.

    With the names of the run's app monitors, those of the table are numbered again, as the spools' are.
    """
    if not folder.records.is_file():
        for spool in folder.spools:
            yield from record.read_spool(spool)
        return
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise LoadgenError(f"{folder.records}: {describe_error(error)}") from error
    try:
        # By one thread: when the system gives no memory for another, pyarrow's end the process (SIGSEGV).
        for table in parquet.ParquetFile(folder.records).iter_batches(batch_size=100_000, use_threads=False):
            yield convert_to_records(table, monitors)
    except (pyarrow.ArrowException, KeyError, OSError) as error:
        raise LoadgenError(f"{folder.records}: cannot be read as a run's records; is it whole? {error}") from error


def convert_to_records(table: Any, monitors: Sequence[str] = ()) -> Records:
    """Arrow columns as records; texts are left out (error, monitor unless named), a null status is no answer."""
    made = np.zeros(table.num_rows, record.RECORD)
    for name in record.RECORD.names or ():
        if name not in TEXTS:
            column = table.column(name)
            filled = column.fill_null(record.NO_ANSWER) if column.null_count else column
            made[name] = filled.to_numpy(zero_copy_only=False)
    if monitors:
        made["monitor"] = [monitors.index(name) for name in table.column("monitor").to_pylist()]
    return made
