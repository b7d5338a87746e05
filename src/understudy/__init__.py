"""Copy, keep and look up AI assistants between projects, organizations and platforms."""

from understudy._version import __version__

__all__ = ["__version__"]
