"""From place to place: read, decide, act."""
