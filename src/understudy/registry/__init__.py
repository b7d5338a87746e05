"""The registry: a local copy of a place's assistants, looked up by name."""
