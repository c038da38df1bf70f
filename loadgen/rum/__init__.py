"""Facts about CloudWatch RUM: event types, the service model and its checks, quotas and prices, metric rules.

This package exports nothing: import the module of the subject.
"""
