"""List recorded events as visits: which pages each session saw, in which order, and where the data cut them."""
