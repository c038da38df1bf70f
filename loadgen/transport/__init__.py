"""Request → Response on a socket: one sender's rules for everyone who sends."""
