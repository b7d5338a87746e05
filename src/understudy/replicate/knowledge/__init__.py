"""Carrying the files and vector stores that assistants lean on."""
