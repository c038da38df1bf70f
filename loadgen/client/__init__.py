"""The RUM web client without I/O: Session → Plan of Batches, and an answer → a retry, a switch-off or nothing. Pure."""

from loadgen.client.block_plan import BlockPlan
from loadgen.client.cache import make_session_id
from loadgen.client.dispatch import DRAIN_SECONDS, Dispatch, Plan, Preflights, plan

__all__ = ["DRAIN_SECONDS", "BlockPlan", "Dispatch", "Plan", "Preflights", "make_session_id", "plan"]
