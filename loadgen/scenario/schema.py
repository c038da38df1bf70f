"""The scenario format as a JSON Schema, for editors.

Refresh: `python -m loadgen.scenario.schema > scenarios/scenario.schema.json`.
"""

from __future__ import annotations

import json

from loadgen.scenario.scenario import Scenario


def schema_text() -> str:
    """The JSON Schema (draft 2020-12) as kept in scenarios/scenario.schema.json."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Scenario.model_json_schema()}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(schema_text(), end="")
