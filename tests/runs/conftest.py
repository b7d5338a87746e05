"""Runs on both databases."""

from __future__ import annotations

from command import stage
from databases import engine, new_url, postgresql, url

__all__ = ["engine", "new_url", "postgresql", "stage", "url"]
