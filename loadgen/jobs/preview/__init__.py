"""Scenario and seed → one HTML page of plots of the traffic that it would make; nothing is sent. Pure."""

from loadgen.jobs.preview.look import Look, look
from loadgen.jobs.preview.page import preview_page

__all__ = ["Look", "look", "preview_page"]
