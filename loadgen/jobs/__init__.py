"""What a person asks for, one folder or file a verb; each face is what the Python API hands on."""
