"""Write the estimates as the draft of a scenario: its sections, with a comment on the data behind each."""
