"""A block of page views → everything the web client notices in them, an event family a module. Pure."""
