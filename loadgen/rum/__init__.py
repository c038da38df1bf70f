"""What CloudWatch RUM says, as facts: event types, service model and its checks, quotas and prices, metric rules.

There is no face in common: import the module of the subject.
"""
