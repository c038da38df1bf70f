"""The ledger: what it keeps, and whom it refuses."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from loadgen.errors import LoadgenError
from loadgen.jobs.seed.identity import Identity
from loadgen.jobs.seed.ledger import Entry, Ledger, Totals
from loadgen.jobs.seed.period import Period

IDENTITY = Identity("run", "shop", "f1", 5, "http://h", "us-east-1", "demo", "id", "--days 7", Period(0.0, 604800.0))


def entry(number: int, events: int = 2) -> Entry:
    ids = b"".join(bytes([number, each]) * 8 for each in range(events))
    return Entry(number, f"00000000-0000-4000-8000-{number:012d}", number * 10, number * 10 + 5, ids, 1.0)


def test_a_batch_is_unknown_then_in_doubt_then_accepted(tmp_path: Path) -> None:
    with Ledger(tmp_path, write=True) as ledger:
        assert ledger.known(1) is None
        ledger.doubt([entry(1)])
        assert ledger.known(1) == entry(1)
        assert ledger.totals() == Totals(0, 0, 1, 2)
        ledger.accept([1], 9.0)
        assert ledger.known(1) == msgspec.structs.replace(entry(1), accepted=9.0)
        assert ledger.totals() == Totals(1, 2, 0, 0)


def test_what_was_written_is_there_for_the_next_process(tmp_path: Path) -> None:
    with Ledger(tmp_path, write=True) as ledger:
        ledger.belong(IDENTITY)
        ledger.doubt([entry(2), entry(1)])
        ledger.finish()
    with Ledger(tmp_path) as ledger:
        assert ledger.identity == IDENTITY
        assert [each.number for each in ledger.entries()] == [1, 2]
        assert ledger.finished


def test_an_accepted_batch_keeps_the_moment_when_that_was_known_first(tmp_path: Path) -> None:
    with Ledger(tmp_path, write=True) as ledger:
        ledger.doubt([entry(1)])
        ledger.accept([1], 9.0)
        ledger.accept([1], 10.0)
        found = ledger.known(1)
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
        ({"asked": "--days 3", "period": Period(10.0, 20.0)}, "ask for that one again (--days 7)"),
    ],
)
def test_another_runs_ledger_is_refused_and_not_changed(tmp_path: Path, change: dict[str, object], said: str) -> None:
    with Ledger(tmp_path, write=True) as ledger:
        ledger.belong(IDENTITY)
        ledger.doubt([entry(1)])
    before = (tmp_path / "ledger.sqlite").read_bytes()
    with Ledger(tmp_path, write=True) as ledger, pytest.raises(LoadgenError) as caught:
        ledger.belong(msgspec.structs.replace(IDENTITY, **change))
    assert said in str(caught.value)
    assert "give --out another folder to begin a new one; nothing was changed" in str(caught.value)
    assert (tmp_path / "ledger.sqlite").read_bytes() == before


def test_all_differences_are_told_a_line_each(tmp_path: Path) -> None:
    with Ledger(tmp_path, write=True) as ledger:
        ledger.belong(IDENTITY)
        with pytest.raises(LoadgenError) as caught:
            ledger.belong(msgspec.structs.replace(IDENTITY, seed=6, monitor="x"))
    assert len(str(caught.value).splitlines()) == 2


def test_the_same_period_in_other_words_goes_on(tmp_path: Path) -> None:
    with Ledger(tmp_path, write=True) as ledger:
        ledger.belong(IDENTITY)
        ledger.belong(msgspec.structs.replace(IDENTITY, asked="--from x --to y"))
        ledger.belong(msgspec.structs.replace(IDENTITY, period=Period(5.0, 604805.0)))  # --days 7, a while later


def test_two_writers_at_once_are_refused(tmp_path: Path) -> None:
    with Ledger(tmp_path, write=True), pytest.raises(LoadgenError, match="another loadgen is seeding from it"):
        Ledger(tmp_path, write=True)


def test_a_folder_without_a_ledger_is_named(tmp_path: Path) -> None:
    with pytest.raises(LoadgenError, match=r"has no ledger\.sqlite; name the folder of a `loadgen seed`"):
        Ledger(tmp_path)


def test_a_file_that_is_no_ledger_is_named(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_text("a thesis about ledgers, of some length, and no database at all")
    with pytest.raises(LoadgenError, match="cannot be opened as a ledger"):
        Ledger(tmp_path)
