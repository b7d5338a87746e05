"""Where a run was asked for: its W3C trace context, from there to whoever plays it.

Imports the libraries of the extra `otel`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from opentelemetry.context import Context
from opentelemetry.trace import Link, get_current_span
from opentelemetry.trace.propagation import set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_LONGEST = 512  # characters of a `tracestate`; longer ones may be left out
_PARENT = re.compile(r"[0-9a-f]{2}(?:-[0-9a-f]+){3}(?:-[!-~]*)?")
_MOST = 32  # members of a `tracestate`
_MEMBER = re.compile(
    r"([a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
    r"=[ -+\--<>-~]{0,255}[!-+\--<>-~]"
)
_FORM = TraceContextTextMapPropagator()


def current(carrier: Mapping[str, str]) -> str | None:
    """Return the context of the span around us as JSON, else the one that a carrier brings.

    None where there is neither. What is no context is none: callers may send what they like.
    """
    span = get_current_span()
    if not span.get_span_context().is_valid:
        span = get_current_span(_FORM.extract(_sound(carrier), Context()))
        if not span.get_span_context().is_valid:
            return None
    kept: dict[str, str] = {}
    _FORM.inject(kept, set_span_in_context(span, Context()))
    if len(kept.get("tracestate", "")) > _LONGEST:
        del kept["tracestate"]
    return json.dumps(kept)


def _sound(carrier: Mapping[str, str]) -> dict[str, str]:
    """Return what has the form of a context: of what has not, the library logs every word."""
    parent = (carrier.get("traceparent") or "").strip()
    if len(parent) > _LONGEST or not _PARENT.fullmatch(parent):
        return {}
    state = (carrier.get("tracestate") or "").strip()
    if len(state) > _LONGEST:
        return {"traceparent": parent}
    members = [one.strip() for one in state.split(",") if one.strip()]
    keys = {found[1] for one in members if (found := _MEMBER.fullmatch(one))}
    if len(keys) < len(members) or len(members) > _MOST:  # one is none, or is there twice
        return {"traceparent": parent}
    return {"traceparent": parent, "tracestate": ",".join(members)}


def links(asked: str | None) -> list[Link]:
    """Return the link to where a run was asked for; none where it is played below that span."""
    if asked is None:
        return []
    found = get_current_span(_FORM.extract(json.loads(asked), Context())).get_span_context()
    around = get_current_span().get_span_context()
    below = (around.trace_id, around.span_id) == (found.trace_id, found.span_id)
    return [Link(found)] if found.is_valid and not below else []
