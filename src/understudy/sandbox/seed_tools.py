"""The tools of the demonstration assistants."""

from typing import Any

Schema = dict[str, Any]


def _text(description: str, **more: Any) -> Schema:
    return {"type": "string", "description": description, **more}


def _function(
    name: str, description: str, *, optional: tuple[str, ...] = (), **properties: Schema
) -> Schema:
    schema = {
        "type": "object",
        "properties": properties,
        "required": [key for key in properties if key not in optional],
    }
    function = {"name": name, "description": description, "parameters": schema}
    return {"type": "function", "function": function}


def _strict(name: str, description: str, **properties: Schema) -> Schema:
    tool = _function(name, description, optional=(), **properties)
    tool["function"]["parameters"]["additionalProperties"] = False
    tool["function"]["strict"] = True
    return tool


_ORDER = _text("Order number", pattern="^NW-[0-9]{8}$")
_DATE = _text("Day, YYYY-MM-DD", format="date")

CODE: Schema = {"type": "code_interpreter"}
SEARCH: Schema = {"type": "file_search"}

ORDERS = [
    _strict("find_order", "Look up an order and its parcels.", order_number=_ORDER),
    _strict(
        "refund_order",
        "Refund an order, all or in part. Cannot be undone.",
        order_number=_ORDER,
        amount={"type": "number", "description": "In EUR, at most 150"},
        reason={"type": "string", "enum": ["late", "damaged", "wrong_item", "goodwill"]},
    ),
]
TICKETS = [
    _function(
        "create_ticket",
        "Hand the conversation over to a person.",
        optional=("order_number",),
        summary=_text("What has happened so far, in three sentences", maxLength=600),
        priority={"type": "string", "enum": ["low", "normal", "urgent"], "default": "normal"},
        order_number=_ORDER,
    ),
    _function(
        "search_tickets",
        "Search tickets by text and state.",
        optional=("state", "since"),
        query=_text("Words to look for"),
        state={"type": "array", "items": {"type": "string", "enum": ["open", "waiting", "closed"]}},
        since=_DATE,
    ),
]
TRAVEL = [
    _function(
        "search_trains",
        "Find train connections.",
        optional=("bike",),
        origin=_text("Station or city", examples=["Malmö C", "København H"]),
        destination=_text("Station or city"),
        depart_after=_text("Earliest departure, ISO 8601 with offset", format="date-time"),
        bike={"type": "boolean", "default": False},
    ),
    _function(
        "search_flights",
        "Find flights; only for trips of more than five hours by rail.",
        origin=_text("IATA code", pattern="^[A-Z]{3}$"),
        destination=_text("IATA code", pattern="^[A-Z]{3}$"),
        day=_DATE,
        travellers={"type": "integer", "minimum": 1, "maximum": 9},
    ),
    _strict(
        "book_hotel",
        "Book a hotel within policy.",
        hotel_id=_text("From an earlier search"),
        check_in=_DATE,
        check_out=_DATE,
        guests={
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "email": {"type": "string"}},
                "required": ["name", "email"],
                "additionalProperties": False,
            },
        },
        notes={"anyOf": [{"type": "string"}, {"type": "null"}]},
    ),
]
CALENDAR = [
    _function(
        "free_busy",
        "Say when people are free.",
        people={"type": "array", "items": {"type": "string", "format": "email"}, "minItems": 1},
        first_day=_DATE,
        last_day=_DATE,
    ),
    _function(
        "send_invitation",
        "Invite people to a meeting.",
        optional=("room", "agenda"),
        people={"type": "array", "items": {"type": "string", "format": "email"}},
        start=_text("Start, ISO 8601 with offset", format="date-time"),
        minutes={"type": "integer", "enum": [15, 25, 50, 80]},
        room=_text("Room, as “Öresund” or “Kattegatt”"),
        agenda=_text("In Markdown"),
    ),
]
CRM = [
    _function(
        "find_product",
        "Find products by words, price and stock.",
        optional=("max_price", "in_stock"),
        words=_text("In any language"),
        max_price={"type": "number", "exclusiveMinimum": 0},
        in_stock={"type": "boolean"},
    ),
    _function("sales_figures", "Sales of one day, by market.", day=_DATE),
    _strict(
        "save_lead",
        "Write a qualified lead to the CRM.",
        company=_text("Registered name"),
        size={"type": "string", "enum": ["1-9", "10-49", "50-249", "250+"]},
        budget_eur={"type": ["integer", "null"]},
        decides=_text("Name and role of who decides"),
        score={"type": "integer", "description": "0 to 100"},
    ),
]
WAREHOUSE = [
    _function(
        "stock_level",
        "Stock of articles, by location.",
        optional=("location",),
        articles={"type": "array", "items": _text("Article number"), "maxItems": 50},
        location={"$ref": "#/$defs/location"},
    ),
    # A function without parameters at all: nothing to fill in.
    {"type": "function", "function": {"name": "open_shipments", "description": "Parcels to go."}},
]
WAREHOUSE[0]["function"]["parameters"]["$defs"] = {
    "location": {"type": "string", "enum": ["malmö", "gdańsk", "łódź"]}
}

INVOICE_SCHEMA: Schema = {
    "name": "supplier_invoice",
    "description": "An invoice as printed",
    "strict": True,
    "schema": {
        "type": "object",
        "properties": {
            "number": {"type": "string"},
            "issued": {"type": ["string", "null"], "description": "YYYY-MM-DD"},
            "currency": {"type": "string", "enum": ["EUR", "SEK", "PLN", "USD", "GBP"]},
            "lines": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "text": {"type": "string"},
                        "quantity": {"type": "number"},
                        "net": {"type": "number"},
                        "vat_rate": {"type": ["number", "null"]},
                    },
                    "required": ["text", "quantity", "net", "vat_rate"],
                    "additionalProperties": False,
                },
            },
            "total_gross": {"type": "number"},
        },
        "required": ["number", "issued", "currency", "lines", "total_gross"],
        "additionalProperties": False,
    },
}
SENTIMENT_SCHEMA: Schema = {
    "name": "review_sentiment",
    "schema": {
        "type": "object",
        "properties": {
            "sentiment": {"type": "string", "enum": ["positive", "mixed", "negative"]},
            "topics": {"type": "array", "items": {"type": "string"}},
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        },
        "required": ["sentiment", "topics"],
    },
}
