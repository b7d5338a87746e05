"""Numbers of the Architect format, each from the specification unless it says otherwise."""

from __future__ import annotations

VERSION = "1.0"

MOST_BYTES = 10 * 1024 * 1024  # of a file, inclusive
MOST_CONTENT = 10_000_000  # UTF-16 units of one prompt's content

SHORTEST_NAME = 3  # characters of an assistant's name
MOST_PROMPTS = 20  # of one assistant
MOST_SUBSTITUTIONS = 50  # occurrences of variables in one text
LONGEST_RUN = 900  # seconds: an assistant's timeout_seconds

#: Ours: a name is a key in databases, in addresses and in lists.
LONGEST_NAME = 255  # characters

#: Ours: objects and lists of a file; each takes a hundred bytes of memory and more.
MOST_VALUES = 500_000

#: Ours: objects and lists within `options`; real ones have two or three levels.
DEEPEST = 32

#: Ours: positions and groups; no whole number above has one meaning in all JSON readers.
LARGEST = 2**53 - 1
