"""Use cases and the only wiring: what the commands and the library call."""
