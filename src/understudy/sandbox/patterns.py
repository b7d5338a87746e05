"""A text that matches a regular expression, as far as such expressions are simple."""

import re

_CLASSES = {"d": "1", "w": "a", "s": " ", "D": "a", "W": "-", "S": "a"}
_MANY = 1000
_COUNT = re.compile(r"\{(\d+)(?:,\d*)?\}\??|[*+?]\??")
_ATOM = re.compile(
    r"(?P<class>\[\^?\]?(?:\\.|[^\]\\])*\])|\\(?P<escape>.)|(?P<plain>[^\\()|])", re.DOTALL
)
_PRINTABLE = [chr(code) for code in (*range(65, 91), *range(97, 123), *range(32, 127))]


def sample(pattern: str) -> str | None:
    """Return a text in which the pattern is found, None if it is too clever."""
    try:
        text, rest = _choice(pattern)
        return text if not rest and re.search(pattern, text) else None
    except (re.error, ValueError):
        return None


def _choice(pattern: str) -> tuple[str, str]:
    """Return a text for the first alternative, and the pattern from its closing bracket on."""
    text, taken = "", True
    while pattern and pattern[0] != ")":
        if pattern[0] == "|":
            pattern, taken = pattern[1:], False
            continue
        part, pattern = _atom(pattern)
        count = _COUNT.match(pattern)
        if count is not None:
            pattern = pattern[count.end() :]
            part *= min(int(count[1]), _MANY) if count[1] else int(count[0][0] == "+")
        text += part if taken else ""
    return text, pattern


def _atom(pattern: str) -> tuple[str, str]:
    if pattern[0] == "(":
        inner = re.sub(r"^\((\?:|\?P<\w+>)?", "", pattern)
        text, rest = _choice(inner)
        return text, rest[1:]
    match = _ATOM.match(pattern)
    if match is None:
        raise ValueError(pattern)
    return _character(match), pattern[match.end() :]


def _character(match: re.Match[str]) -> str:
    if match["class"]:
        fitting = re.compile(match["class"])
        return next((one for one in _PRINTABLE if fitting.fullmatch(one)), "")
    if match["escape"]:
        return _CLASSES.get(match["escape"], "" if match["escape"] in "bB" else match["escape"])
    return {"^": "", "$": "", ".": "a"}.get(match["plain"], match["plain"])
