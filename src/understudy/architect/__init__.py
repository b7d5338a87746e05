"""Architect documents: multi-prompt assistants as JSON, read, checked, mapped and drawn."""
