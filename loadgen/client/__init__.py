"""Session → Plan of Batches, and answers back in as retries and switch-off: the RUM web client without I/O. Pure."""

from loadgen.client.cache import ClientCounts, session_id
from loadgen.client.dispatch import DRAIN_SECONDS, Dispatch
from loadgen.client.plan import Plan, plan
from loadgen.ids import sampled, sampling_draw

__all__ = ["DRAIN_SECONDS", "ClientCounts", "Dispatch", "Plan", "plan", "sampled", "sampling_draw", "session_id"]
