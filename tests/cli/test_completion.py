"""Completion in bash, zsh and fish: by the shells that are there, and by what click's scripts ask of us."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
ASKED = {
    "bash": {"COMP_WORDS": "loadgen run q", "COMP_CWORD": "2"},
    "zsh": {"COMP_WORDS": "loadgen run q", "COMP_CWORD": "2"},
    "fish": {"COMP_WORDS": "loadgen run ", "COMP_CWORD": "q"},
}
SCRIPTS = {
    "bash": """
        eval "$(_LOADGEN_COMPLETE=bash_source loadgen)"
        COMP_WORDS=(loadgen run quick); COMP_CWORD=2; _loadgen_completion loadgen quick run
        echo "${COMPREPLY[@]}"
    """,
    "zsh": """
        autoload -Uz compinit && compinit -u; eval "$(_LOADGEN_COMPLETE=zsh_source loadgen)"
        echo ${_comps[loadgen]}
    """,
    "fish": """
        _LOADGEN_COMPLETE=fish_source loadgen | source; complete --do-complete 'loadgen run quick'
    """,
}
FOUND = {"bash": "quickstart", "zsh": "_loadgen_completion", "fish": "quickstart"}


def execute(command: list[str], **variables: str) -> str:
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(command, env=os.environ | {"PATH": path} | variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("shell", ASKED)
def test_a_shell_is_told_the_shipped_names_and_that_files_will_do(shell: str) -> None:
    asked = ASKED[shell] | {"_LOADGEN_COMPLETE": f"{shell}_complete"}
    told = execute([sys.executable, "-m", "loadgen"], **asked)
    assert "quickstart" in told
    assert "quota-probe" in told
    assert "storefront" not in told
    assert "file" in told


@pytest.mark.parametrize("shell", SCRIPTS)
def test_the_line_of_the_readme_switches_completion_on(shell: str) -> None:
    if shutil.which(shell) is None or shutil.which("loadgen", path=str(BIN)) is None:
        pytest.skip(f"{shell} or the loadgen script is not here")
    assert FOUND[shell] in execute([shell, "-c", SCRIPTS[shell]])
