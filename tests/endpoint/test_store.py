"""The store: commits, rollbacks, and files that are not ours."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from loadgen.endpoint.store import Store, StoredBatch, expire
from loadgen.errors import EndpointError
from tests.endpoint.conftest import Caller, batch


def test_what_is_not_committed_is_not_there_after_a_crash(tmp_path: Path) -> None:
    store = Store(tmp_path / "rum.sqlite")
    caller = Caller()
    caller.endpoint.store = caller.store = store
    monitor = store.find_active(caller.monitor())
    assert monitor is not None
    store.keep(monitor, StoredBatch(b"{}", [2] * 10, []), 2)
    del caller
    store._db.close()  # as a crash would, without a commit
    reopened = Store(tmp_path / "rum.sqlite")
    assert reopened.count_accepted(None) == (0, 0, 0)
    assert [one.name for one in reopened.list_monitors()] == ["shop"]


def test_an_endpoint_that_keeps_nothing_counts_the_same(caller: Caller) -> None:
    counting = Caller(keeps=False)
    for each in (caller, counting):
        shop, other = each.monitor(), each.monitor("other")
        for number in (50, 30):
            assert each.put(shop, batch(number)).status == 200
        assert each.put(other, batch(5)).status == 200
        each.store.commit()
        assert each.store.count_accepted(each.store.find_active(shop)) == (2, 80, 0)
        assert each.store.count_accepted(None) == (3, 85, 0)
    assert counting.store.read("SELECT count(*) FROM batches") == [(0,)]
    monitor = counting.store.find_active(other)
    assert monitor is not None
    counting.store.count(monitor.number, 1, 7, 0)
    counting.store.rollback()
    assert counting.store.count_accepted(None) == (3, 85, 0)


def test_an_operation_that_fails_midway_leaves_nothing(caller: Caller) -> None:
    monitor_id = caller.monitor()
    kept = caller.store.find_active(monitor_id)
    assert kept is not None
    caller.store.keep(kept, StoredBatch(b"{}", [2] * 10, []), 2)
    with pytest.raises(RuntimeError), caller.store.attempt():
        caller.store.write("DELETE FROM batches")
        caller.store.write("DELETE FROM monitors")
        raise RuntimeError
    caller.store.commit()
    assert caller.store.count_accepted(None) == (1, 10, 0)
    assert caller.store.find_active(monitor_id) == kept


def test_when_the_disk_is_full_nobody_is_told_that_it_was_kept(caller: Caller) -> None:
    monitor_id = caller.monitor()
    pages = caller.store.read("PRAGMA page_count")[0][0]
    caller.store.read(f"PRAGMA max_page_count = {pages}")
    statuses = {caller.put(monitor_id, batch(50)).status for _ in range(5)}
    assert statuses == {500}
    assert caller.store.count_accepted(None) == (0, 0, 0)
    caller.store.read("PRAGMA max_page_count = 1000000")
    assert caller.put(monitor_id, batch(50)).status == 200
    assert caller.store.count_accepted(None) == (1, 50, 0)


def test_one_failed_write_spoils_the_whole_commit(caller: Caller) -> None:
    monitor = caller.store.find_active(caller.monitor())
    assert monitor is not None
    caller.store.keep(monitor, StoredBatch(b"{}", [2] * 10, []), 2)
    caller.store.spoil()
    with pytest.raises(sqlite3.Error):
        caller.store.commit()
    assert caller.store.count_accepted(None) == (0, 0, 0)


def test_batches_are_written_before_what_follows_them(caller: Caller) -> None:
    store, monitor = caller.store, caller.store.find_active(caller.monitor())
    assert monitor is not None
    store.keep(monitor, StoredBatch(b"{}", [2], []), 2)
    assert store.has_uncommitted
    with pytest.raises(ZeroDivisionError), store.attempt():
        store.count(monitor.number, 1, 1, 0)
        raise ZeroDivisionError
    assert store.count_accepted(monitor) == (1, 1, 0)
    store.keep(monitor, StoredBatch(b"{}", [2], []), 2)
    store.remove(monitor)
    store.commit()
    assert store.count_accepted(None) == (0, 0, 0)


def test_batches_that_a_reader_finds_unwritable_fail_at_the_commit(caller: Caller) -> None:
    monitor = caller.store.find_active(caller.monitor())
    assert monitor is not None
    caller.store.keep(monitor, StoredBatch(b"{}", [2], []), 2**63 - 1)
    caller.store.read(f"PRAGMA max_page_count = {caller.store.read('PRAGMA page_count')[0][0]}")
    caller.store.keep(monitor, StoredBatch(bytes(50_000), [2], []), 2)
    with pytest.raises(sqlite3.Error):
        caller.store.count_accepted(None)
    with pytest.raises(sqlite3.Error):
        caller.store.commit()
    assert caller.store.count_accepted(None) == (0, 0, 0)


def test_a_file_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE mine (x)")
    other.commit()
    with pytest.raises(EndpointError, match="another program"):
        Store(path)
    assert other.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(EndpointError, match="another version"):
        Store(path)


def test_what_retention_has_passed_is_gone_at_the_next_start(tmp_path: Path) -> None:
    store = Store(tmp_path / "rum.sqlite")
    caller = Caller()
    caller.endpoint.store = caller.store = store
    monitor = store.find_active(caller.monitor())
    assert monitor is not None
    store.keep(monitor, StoredBatch(b"{}", [2000], []), 2000)
    store.keep(monitor, StoredBatch(b"{}", [1000, 9000], []), 9000)
    expire(store, 35.0, 30.0)
    store.commit()
    assert store.count_accepted(monitor) == (1, 2, 0)
