"""The machine and the versions behind a figure."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path


def described() -> str:
    """Processor, cores, versions and time, in one line."""
    models = [line.split(":", 1)[1].strip() for line in cpuinfo() if line.startswith("model name")]
    packages = ", ".join(f"{name} {version(name)}" for name in ("locust", "gevent", "numpy", "msgspec", "isal"))
    when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ")
    processor = f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores"
    return f"{processor}, Python {platform.python_version()}, {packages}, {when}"


def cpuinfo() -> list[str]:
    """Linux' description of the processors; nothing elsewhere."""
    try:
        return Path("/proc/cpuinfo").read_text().splitlines()
    except FileNotFoundError:
        return []
