"""The base of every section of a scenario, frozen and strict, and the types of common fields."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from loadgen.units import DURATION, SECONDS


class Section(BaseModel):
    """A section of a scenario file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True)


def parse_seconds(value: Any) -> Any:
    """Turn "30s", "5m", "2h" or "7d" into seconds; numbers pass as they are."""
    if not isinstance(value, str):
        return value
    match = DURATION.fullmatch(value.strip())
    if match is None:
        raise ValueError(f'"{value}" is not a length of time; write seconds as a number, or "30s", "5m", "2h", "7d"')
    return float(match[1]) * SECONDS[match[2]]


Seconds = Annotated[
    float,
    BeforeValidator(parse_seconds),
    Field(ge=0),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": f"^{DURATION.pattern}$"}]}
    ),
]
"""A length of time: seconds as a number, or text such as "30s"."""

Share = Annotated[float, Field(ge=0, le=1)]
"""A probability, or a part of a whole."""

Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
"""A country's ISO 3166-1 alpha-2 code."""

Weight = Annotated[float, Field(ge=0)]
"""A weight beside others; only the ratios count."""
