"""Where a run was asked for: its W3C trace context, from there to whoever plays it.

Imports the libraries of the extra `otel`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from opentelemetry.context import Context
from opentelemetry.trace import Link, get_current_span
from opentelemetry.trace.propagation import set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_LONGEST = 512  # characters of a `tracestate`; longer ones may be left out
_FORM = TraceContextTextMapPropagator()


def current(carrier: Mapping[str, str]) -> str | None:
    """Return the context of the span around us as JSON, else the one that a carrier brings.

    None where there is neither. What is no context is none: callers may send what they like.
    """
    span = get_current_span()
    if not span.get_span_context().is_valid:
        span = get_current_span(_FORM.extract(carrier, Context()))
        if not span.get_span_context().is_valid:
            return None
    kept: dict[str, str] = {}
    _FORM.inject(kept, set_span_in_context(span, Context()))
    if len(kept.get("tracestate", "")) > _LONGEST:
        del kept["tracestate"]
    return json.dumps(kept)


def links(asked: str | None) -> list[Link]:
    """Return the link to where a run was asked for; none where it is played below that span."""
    if asked is None:
        return []
    found = get_current_span(_FORM.extract(json.loads(asked), Context())).get_span_context()
    around = get_current_span().get_span_context()
    below = (around.trace_id, around.span_id) == (found.trace_id, found.span_id)
    return [Link(found)] if found.is_valid and not below else []
