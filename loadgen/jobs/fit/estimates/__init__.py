"""Estimate what the visits say about the site, its visitors and its client, with the numbers of observations."""
