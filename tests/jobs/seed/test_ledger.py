"""The ledger: what it keeps, and whom it refuses."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec
import pytest

from loadgen.errors import LoadgenError
from loadgen.jobs.seed.ledger import BatchEntry, BatchLedger, LedgerTotals, SeedIdentity
from loadgen.jobs.seed.period import PastPeriod

IDENTITY = SeedIdentity(
    "run", "shop", "f1", 5, "http://h", "us-east-1", "demo", "id", "--days 7", PastPeriod(0.0, 604800.0)
)


def entry(number: int, events: int = 2) -> BatchEntry:
    ids = b"".join(bytes([number, each]) * 8 for each in range(events))
    return BatchEntry(number, f"00000000-0000-4000-8000-{number:012d}", number * 10, number * 10 + 5, ids, 1.0)


def test_a_batch_is_unknown_then_in_doubt_then_accepted(tmp_path: Path) -> None:
    with BatchLedger(tmp_path, write=True) as ledger:
        assert ledger.find_entry(1) is None
        ledger.mark_in_doubt([entry(1)])
        assert ledger.find_entry(1) == entry(1)
        assert ledger.count_totals() == LedgerTotals(0, 0, 1, 2)
        ledger.mark_accepted([1], 9.0)
        assert ledger.find_entry(1) == msgspec.structs.replace(entry(1), accepted=9.0)
        assert ledger.count_totals() == LedgerTotals(1, 2, 0, 0)


def test_what_was_written_is_there_for_the_next_process(tmp_path: Path) -> None:
    with BatchLedger(tmp_path, write=True) as ledger:
        ledger.claim(IDENTITY)
        ledger.mark_in_doubt([entry(2), entry(1)])
        ledger.keep_fact("finished", b"1")
    with BatchLedger(tmp_path) as ledger:
        assert ledger.identity == IDENTITY
        assert [each.number for each in ledger.read_entries()] == [1, 2]
        assert ledger.finished


def test_an_accepted_batch_keeps_the_moment_when_that_was_known_first(tmp_path: Path) -> None:
    with BatchLedger(tmp_path, write=True) as ledger:
        ledger.mark_in_doubt([entry(1)])
        ledger.mark_accepted([1], 9.0)
        ledger.mark_accepted([1], 10.0)
        found = ledger.find_entry(1)
        assert found is not None
        assert found.accepted == 9.0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": 6}, "it belongs to seed 5, not 6; give --seed 5"),
        ({"scenario": "news"}, "it belongs to scenario shop, not news; seed shop"),
        ({"fingerprint": "f2"}, "undo the change of the scenario"),
        ({"monitor": "other"}, "it belongs to app monitor demo, not other; give --monitor demo"),
        ({"monitor_id": "id2"}, "one that was made since has its name (id id2); give --out"),
        ({"target": "http://other"}, "give the same --target"),
        ({"period_as_given": "--days 3", "period": PastPeriod(10.0, 20.0)}, "ask for that one again (--days 7)"),
    ],
)
def test_another_runs_ledger_is_refused_and_not_changed(tmp_path: Path, change: dict[str, object], said: str) -> None:
    with BatchLedger(tmp_path, write=True) as ledger:
        ledger.claim(IDENTITY)
        ledger.mark_in_doubt([entry(1)])
    before = (tmp_path / "ledger.sqlite").read_bytes()
    with BatchLedger(tmp_path, write=True) as ledger, pytest.raises(LoadgenError) as caught:
        ledger.claim(msgspec.structs.replace(IDENTITY, **change))
    assert said in str(caught.value)
    assert "give --out another folder to begin a new one; nothing was changed" in str(caught.value)
    assert (tmp_path / "ledger.sqlite").read_bytes() == before


def test_all_differences_are_told_a_line_each(tmp_path: Path) -> None:
    with BatchLedger(tmp_path, write=True) as ledger:
        ledger.claim(IDENTITY)
        with pytest.raises(LoadgenError) as caught:
            ledger.claim(msgspec.structs.replace(IDENTITY, seed=6, monitor="x"))
    assert len(str(caught.value).splitlines()) == 2


def test_the_same_period_in_other_words_goes_on(tmp_path: Path) -> None:
    with BatchLedger(tmp_path, write=True) as ledger:
        ledger.claim(IDENTITY)
        ledger.claim(msgspec.structs.replace(IDENTITY, period_as_given="--from x --to y"))
        ledger.claim(msgspec.structs.replace(IDENTITY, period=PastPeriod(5.0, 604805.0)))  # --days 7, a while later


def test_two_writers_at_once_are_refused(tmp_path: Path) -> None:
    with BatchLedger(tmp_path, write=True), pytest.raises(LoadgenError, match="another loadgen is seeding from it"):
        BatchLedger(tmp_path, write=True)


def test_a_folder_without_a_ledger_is_named(tmp_path: Path) -> None:
    with pytest.raises(LoadgenError, match=r"has no ledger\.sqlite; name the folder of a `loadgen seed`"):
        BatchLedger(tmp_path)


def test_a_ledger_is_its_owners_alone(tmp_path: Path) -> None:
    with BatchLedger(tmp_path, write=True) as ledger:
        ledger.mark_in_doubt([entry(1)])
        modes = {each.name: each.stat().st_mode & 0o777 for each in tmp_path.glob("ledger.sqlite*")}
    assert len(modes) == 3  # the write-ahead log and its index too
    assert set(modes.values()) == {0o600}


def test_a_ledger_that_was_never_written_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").touch()
    with BatchLedger(tmp_path) as ledger:
        assert ledger.identity is None
        assert not ledger.finished
    with BatchLedger(tmp_path, write=True) as ledger:
        ledger.claim(IDENTITY)
        assert ledger.identity == IDENTITY


DEEP = b"[" * 100_000

DAMAGES = {
    "another program's": "DROP TABLE facts; DROP TABLE batches; CREATE TABLE songs (title); PRAGMA user_version = 0",
    "an older format": "PRAGMA user_version = 1",
    "no table of facts": "DROP TABLE facts",
    "no table of batches": "DROP TABLE batches",
    "an identity of text": "UPDATE facts SET value = 'me' WHERE key = 'identity'",
    "a deep identity": f"UPDATE facts SET value = x'{DEEP.hex()}' WHERE key = 'identity'",
    "a number for an identity": "UPDATE facts SET value = 12 WHERE key = 'identity'",
    "a rate of text": "INSERT INTO facts VALUES ('learned_rate', 'fast')",
    "a short id": "UPDATE batches SET id = x'00'",
    "an id of text": "UPDATE batches SET id = 'abc'",
    "times of text": "UPDATE batches SET first = 'noon'",
    "events of text": "UPDATE batches SET events = 'none'",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_ledger_is_one_line(tmp_path: Path, damage: str) -> None:
    with BatchLedger(tmp_path, write=True) as ledger:
        ledger.claim(IDENTITY)
        ledger.mark_in_doubt([entry(1)])
    db = sqlite3.connect(tmp_path / "ledger.sqlite", isolation_level=None)
    db.executescript(damage)
    db.close()
    assert_one_line(tmp_path)


@pytest.mark.parametrize("keep", [100, 4096, 6000])
def test_a_ledger_cut_short_or_overwritten_is_one_line(tmp_path: Path, keep: int) -> None:
    with BatchLedger(tmp_path, write=True) as ledger:
        ledger.claim(IDENTITY)
        ledger.mark_in_doubt(entry(number) for number in range(200))
    whole = (tmp_path / "ledger.sqlite").read_bytes()
    (tmp_path / "ledger.sqlite").write_bytes(whole[:keep] + b"\xff" * (len(whole) - keep))
    assert_one_line(tmp_path)


def assert_one_line(folder: Path) -> None:
    """Reading everything ends with one line that names the file."""
    with pytest.raises(LoadgenError) as caught, BatchLedger(folder) as ledger:
        assert ledger.identity is not None
        assert ledger.learned_rate is None
        ledger.count_totals()
        list(ledger.read_entries())
    assert str(folder / "ledger.sqlite") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_ledger_is_named(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_text("a thesis about ledgers, of some length, and no database at all")
    with pytest.raises(LoadgenError, match="cannot be read as a ledger"):
        BatchLedger(tmp_path)


def test_a_full_disk_is_no_damage_and_the_ledger_goes_on_once_there_is_room(tmp_path: Path) -> None:
    said = r"ledger\.sqlite: cannot be written \(database or disk is full\); make room, and the same command goes on"
    with pytest.raises(LoadgenError, match=said), BatchLedger(tmp_path, write=True) as ledger:
        ledger.mark_in_doubt([entry(1)])
        ledger._db.execute("PRAGMA max_page_count=1")  # as many as it has
        ledger.mark_in_doubt([entry(number, events=15) for number in range(2, 17)])
    with BatchLedger(tmp_path, write=True) as ledger:
        assert [each.number for each in ledger.read_entries()] == [1]
        ledger.mark_in_doubt([entry(2)])
