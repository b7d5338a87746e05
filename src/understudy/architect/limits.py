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

#: Ours: values of a file, lists and objects among them; each takes time, and memory twentyfold.
MOST_VALUES = 1_000_000

#: Ours: entries of one object; prompts have eight, and no mapping has more than some dozens.
WIDEST = 10_000

#: Ours: objects and lists within `options`; real ones have two or three levels.
DEEPEST = 32

#: Ours: positions and groups; no whole number above has one meaning in all JSON readers.
LARGEST = 2**53 - 1
