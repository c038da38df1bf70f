"""Requests → Results on Locust. The only room with locust, gevent and sockets; started as a process, never imported."""
