"""Numbers → SVG, and the page around it: one file that opens offline and loads nothing. Reads its own style only."""
