"""The RUM web client without I/O: Session → Plan of Batches, and an answer → a retry, a switch-off or nothing. Pure."""

from loadgen.client.block_plan import BlockPlan
from loadgen.client.cache import ClientCounts, make_session_id
from loadgen.client.dispatch import DRAIN_SECONDS, Dispatch, Plan, Preflights, plan
from loadgen.ids import draw_sampling, is_sampled

__all__ = [
    "DRAIN_SECONDS",
    "BlockPlan",
    "ClientCounts",
    "Dispatch",
    "Plan",
    "Preflights",
    "draw_sampling",
    "is_sampled",
    "make_session_id",
    "plan",
]
