"""Scenario and conditions → the highest rate that keeps them."""
