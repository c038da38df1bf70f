"""A judge of our own: how far are our visits from those of the real web client? `make judge` runs it."""
