"""The scenarios that come with loadgen, which a bare name such as `quickstart` means.

Rule: a file of the caller's comes first.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "scenarios"
"""In the repository a link to its `scenarios/`, in an installed package a folder."""


def list_shipped() -> list[str]:
    """The names of the shipped scenarios, sorted."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def find_scenario(given: str | Path) -> Path:
    """The file that a path or the name of a shipped scenario means; the path as given where there is neither."""
    path = Path(given)
    is_shipped = not path.exists() and path.name in list_shipped() and path == Path(path.name)
    return FOLDER / f"{path.name}.toml" if is_shipped else path
