"""One request as a handler needs it, and what handlers have in common."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from understudy.sandbox import limits, shapes
from understudy.sandbox.multipart import Form
from understudy.sandbox.shelf import Page
from understudy.sandbox.state import Project
from understudy.sandbox.wire import ApiError, Reply, decode_object, encode

_CURSORS = ("limit", "order", "after", "before")

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `ids` are those in its path; `form` is there if it was sent as one."""

    project: Project
    ids: tuple[str, ...]
    query: Mapping[str, str]
    body: bytes
    form: Form | None = None
    lenient: bool = False

    @property
    def target(self) -> str:
        """The last id in the path."""
        return self.ids[-1]

    def json(self) -> dict[str, Any]:
        """Return the body's object. Raises `ApiError` (400)."""
        return decode_object(self.body)

    def choice(self, name: str, choices: Collection[str], default: str | None) -> str | None:
        """Return a query parameter that is one of `choices`. Raises `ApiError` (400)."""
        value = self.query.get(name) or default
        if value is None or value in choices:
            return value
        shown = [f"'{choice}'" for choice in choices]
        listed = f"{', '.join(shown[:-1])} and {shown[-1]}"
        message = f"Invalid value: '{value}'. Supported values are: {listed}."
        raise ApiError(400, message, param=name, code="invalid_value")

    def known(self, names: Collection[str]) -> None:
        """Refuse (`ApiError` 400) query parameters other than these."""
        for name in self.query:
            if name not in names and not self.lenient:
                raise shapes.unknown_parameter(name)

    def paging(
        self, *filters: str, before: bool = True, most: int = 100, default: int = 20
    ) -> dict[str, Any]:
        """Return which page is asked for. Raises `ApiError` (400)."""
        self.known((*(_CURSORS if before else _CURSORS[:3]), *filters))
        paging = {
            "limit": _limit(self.query.get("limit", str(default)), most),
            "newest_first": self.choice("order", ("asc", "desc"), "desc") == "desc",
            "after": self.query.get("after") or None,
        }
        return paging | ({"before": self.query.get("before") or None} if before else {})


def listed(page: Page[Item], encoded: Callable[[Item], bytes]) -> Reply:
    """Reply with one page of a list."""
    # The specification demands strings here even where there is nothing to name.
    first, last = (page.ids[0], page.ids[-1]) if page.ids else ("", "")
    rest = encode({"first_id": first, "last_id": last, "has_more": page.has_more})
    items = b",".join(encoded(item) for item in page.items)
    return Reply(200, b'{"object":"list","data":[%b],%b' % (items, rest[1:]))


def required_form(call: Call, file_field: str) -> Form:
    """Return the form with its file. Raises `ApiError`: 400 if there is none, 413 for its size."""
    form = call.form
    if form is None:
        message = "Invalid content type: this endpoint expects 'multipart/form-data'."
        raise ApiError(400, message)
    if form.problem is not None:
        raise form.problem
    if file_field not in form.files:
        raise shapes.missing_parameter(file_field)
    return form


def _limit(text: str, most: int) -> int:
    if not text.isascii() or not text.removeprefix("-").isdecimal():
        message = f"Invalid type for 'limit': expected an integer, but got '{text[:20]}' instead."
        raise ApiError(400, message, param="limit", code="invalid_type")
    limit = int(text[:9])
    limits.check_range("limit", limit, 1, most)
    return limit
