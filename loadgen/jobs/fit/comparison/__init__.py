"""Compare generated traffic with recorded traffic: observations, distances, verdicts."""
