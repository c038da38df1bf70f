"""A run's folder → terminal, HTML page, comparison. Writing the page is the only I/O."""
