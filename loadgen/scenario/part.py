"""The one policy of every part of a scenario: frozen, strict, no unknown fields."""

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A section of a scenario file."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)
