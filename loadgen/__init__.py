"""Scenario ─traffic→ Session ─client→ Batch ─wire→ Request ─swarm→ Result ─results→ Report."""
