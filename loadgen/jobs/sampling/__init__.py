"""Scenario, seed and sample rates → what a dashboard would show of one population, and how surely. Pure."""

from loadgen.jobs.sampling.population import Population, draw
from loadgen.jobs.sampling.question import Answer, Question, answer

__all__ = ["Answer", "Population", "Question", "answer", "draw"]
