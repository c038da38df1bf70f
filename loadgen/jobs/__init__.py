"""The verbs of loadgen, one folder or file each; the Python API hands on the function in its face."""
