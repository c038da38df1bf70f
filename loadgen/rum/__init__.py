"""What CloudWatch RUM says, as facts: event types, service model, quotas, prices, metric rules."""
