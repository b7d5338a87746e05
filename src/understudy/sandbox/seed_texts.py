"""The files of the demonstration: what a company that sells outdoor clothing would upload."""

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

_RETURNS = """\
# Returns policy

*Valid from 1 March 2026, for all markets. Owner: customer care.*

## In short
- 60 days from the day the parcel arrives, free of charge, no reason needed.
- The article is unworn, unwashed, with its labels. Trying on is not wearing.
- Money comes back the way it was paid, within 5 working days of arrival in Malmö.

## How
1. Open the link in the delivery mail, or nwo.example/returns with order number and postcode.
2. Print the label, or show the QR code at any parcel shop.
3. Keep the receipt of the parcel shop until the refund has arrived.

## What cannot be returned
| article | why | instead |
|---|---|---|
| underwear, face masks | hygiene | warranty only |
| gift cards | they are money | hand them on |
| made to measure | nobody else fits | free alteration, once |

## Late returns
Between day 61 and day 90 we offer a voucher, not money. After that: nothing, but a friendly no.
Washed goods are never returns. If a seam has opened, see `warranty-terms.md`.
"""

_SHIPPING = """\
# Shipping times and prices

| to | standard | express | free from |
|---|---|---|---|
| Sweden, Denmark | 1-2 working days, 4.90 € | next day, 9.90 € | 60 € |
| Germany, Poland, Netherlands | 2-4 working days, 5.90 € | 2 days, 12.90 € | 80 € |
| rest of the EU | 3-6 working days, 7.90 € | 3 days, 16.90 € | 100 € |
| United Kingdom, Norway, Switzerland | 4-7 working days, 9.90 € | 4 days, 24.90 € | 150 € |
| Japan | 6-10 working days, 19.90 € | 5 days, 39.90 € | 300 € |

Orders before 14:00 CET leave the same day. Duties are included for the United Kingdom, Norway
and Switzerland; in Japan (日本) the carrier collects them.

A parcel counts as late five working days after the last day above, and as lost after fifteen.
Łódź and Gdańsk pack for Poland; everything else leaves from Malmö.
"""

_WARRANTY = """\
# Warranty terms

We repair before we replace, and replace before we refund.

- **Stormline™ jackets and trousers**: five years on membranes, seams and zips.
- **Fjällgarn knitwear**: two years; pilling is not a fault, holes at seams are.
- **Everything else**: two years, as the law has it.

What is needed: the order number, or a receipt, and two photos: the whole article, and the fault.
The workshop in Malmö answers within three working days. Repairs take two weeks; postage both ways
is ours. Damage by campfire, dog, washing at 60 °C or a chairlift is repaired at cost (25 to 60 €).
"""

_SIZES = """\
article,size,chest_cm,waist_cm,hip_cm,sleeve_cm
Stormline Jacket,XS,84-88,68-72,86-90,78
Stormline Jacket,S,89-94,73-78,91-96,80
Stormline Jacket,M,95-100,79-84,97-102,82
Stormline Jacket,L,101-107,85-91,103-109,84
Stormline Jacket,XL,108-114,92-98,110-116,86
Fjällgarn Sweater,S,88-94,72-78,90-96,79
Fjällgarn Sweater,M,95-101,79-85,97-103,81
Fjällgarn Sweater,L,102-108,86-92,104-110,83
Skärgård Shorts,S,,72-78,91-96,
Skärgård Shorts,M,,79-84,97-102,
Skärgård Shorts,L,,85-91,103-109,
"""

_CLAUSES = """\
# Standard clauses, version 7.2

Deviations from these clauses need the legal team; clauses marked † need the CFO as well.

## 1. Term and termination
1.1 The agreement runs for twelve months and renews for twelve more unless terminated in writing
three months before its end.
1.2 Either party may terminate for cause if a material breach is not cured within thirty days.

## 2. Payment †
2.1 Invoices are due thirty days net. Interest on late payment: eight points above the base rate.
2.2 Prices are fixed for the first term; later increases follow the index, three per cent at most.

## 3. Liability †
3.1 Liability is limited to the fees of the twelve months before the event.
3.2 No limit applies to intent, gross negligence, injury to persons, or breach of confidentiality.

## 4. Confidentiality
4.1 Confidential information is protected for five years after the end of the agreement.
4.2 Trade secrets are protected for as long as they are secret.

## 5. Data protection
5.1 Where personal data is processed, the agreement of Annex B (Art. 28 GDPR) is signed first.
5.2 Sub-processors are announced thirty days ahead; the customer may object for good reason.

## 6. Governing law
6.1 Swedish law; the courts of Malmö. UN sales law is excluded.
"""

_ANSWERS = """\
id,question,answer,approved
SEC-001,Is data encrypted at rest?,"Yes: AES-256, keys in an HSM, rotated yearly.",2026-05-12
SEC-002,Is data encrypted in transit?,"Yes: TLS 1.2 or later, nothing older.",2026-05-12
SEC-003,Do you hold ISO 27001?,"Yes: ISO 27001:2022, certificate SE-4711, until 2028-04.",2026-06-01
SEC-004,Do you hold SOC 2?,"No. We share our ISO statement of applicability under NDA.",2026-06-01
SEC-005,How often are backups tested?,"Restores are rehearsed every quarter.",2026-03-30
SEC-006,Who has access to production?,"Nine engineers, by name, with hardware keys.",2026-07-14
SEC-007,When was the last penetration test?,"February 2026; summary under NDA.",2026-03-02
SEC-008,Where is data kept?,"In Stockholm and Frankfurt; nothing leaves the EU.",2026-05-12
SEC-009,How soon do you report incidents?,"Within 24 hours of confirmation.",2026-05-12
"""

_RODO = """\
# RODO w pigułce

Zgoda musi być dobrowolna, konkretna, świadoma i jednoznaczna (art. 4 pkt 11).

| prawo osoby | artykuł | termin |
|---|---|---|
| dostęp do danych | art. 15 | miesiąc |
| sprostowanie | art. 16 | bez zbędnej zwłoki |
| usunięcie („bycie zapomnianym”) | art. 17 | bez zbędnej zwłoki |
| przenoszenie | art. 20 | miesiąc |
| sprzeciw | art. 21 | natychmiast |

Naruszenie ochrony danych zgłaszamy organowi w ciągu 72 godzin (art. 33). W razie wątpliwości:
iod@nwo.example. Zażółć gęślą jaźń: polskie znaki muszą przetrwać każde kopiowanie.
"""

_ACCOUNTS = """\
account,name,vat
4000,Purchases of goods 25 %,25
4010,Purchases of goods 12 %,12
4020,Purchases within the EU,0
5010,Rent of premises,0
5410,Consumables,25
5800,Travel,6
6071,Representation,25
6212,Mobile phones,25
6540,IT services,25
6570,Bank charges,0
"""

_TOPICS = (
    ("First day", "your buddy meets you at nine, with coffee, a badge and a laptop"),
    ("Working hours", "core hours are ten to three; the rest is yours to arrange with your team"),
    ("Remote work", "up to three days a week, from anywhere within the EU"),
    ("Holidays", "thirty days a year; five may be carried over until the end of April"),
    ("Illness", "write to your lead before nine; a certificate is needed from day eight"),
    ("Parental leave", "as the law has it, plus ten weeks at full pay"),
    ("Learning", "a hundred hours and 1,500 € a year, no approval needed below 300 €"),
    ("Equipment", "a laptop every four years, a chair that fits, a phone if you are on call"),
    ("On call", "one week in six, paid whether or not the phone rings"),
    ("Expenses", "in the app, with a photo, before the tenth of the next month"),
    ("Security", "lock the screen, report the phish, never reuse a password"),
    ("Fika", "at ten and at three; nobody is indispensable for fifteen minutes"),
)


def _handbook() -> str:
    lines = ["# Employee handbook", "", "Edition 2026-09. Owner: people team.", ""]
    for number, (topic, rule) in enumerate(_TOPICS, 1):
        lines += [f"## {number}. {topic}", "", f"In one sentence: {rule}.", ""]
        for market in ("Sverige", "Polska", "Deutschland", "Nederland"):
            text = (
                f"The rule on {topic.lower()} holds in {market} as it stands. Where a collective"
                " agreement is better for you, that one counts. Questions go to the people team,"
                f" page {number * 4}, never to your lead alone; answers come within two days."
            )
            lines += [f"### {number}.{market[0]} {market}", text, ""]
    return "\n".join(lines)


def _history() -> Iterator[str]:
    dice = Random("stock history")  # noqa: S311 - the same figures every time
    yield "week,article,location,sold,returned,stock\n"
    for week in range(60):
        day = date(2025, 9, 1) + timedelta(weeks=week)
        for article in ("Stormline Jacket", "Fjällgarn Sweater", "Skärgård Shorts"):
            for location in ("malmö", "gdańsk"):
                sold = dice.randint(20, 180)
                returned, stock = dice.randint(0, sold // 8), dice.randint(100, 900)
                yield f"{day},{article},{location},{sold},{returned},{stock}\n"


def _prices() -> Iterator[str]:
    dice = Random("competitor prices")  # noqa: S311 - the same figures every time
    yield "shop,article,price_eur,shipping_eur,seen\n"
    for shop in range(1, 15):
        for article, price in (("rain jacket", 219), ("wool sweater", 129), ("shorts", 69)):
            seen = date(2026, 10, 1) + timedelta(days=dice.randint(0, 30))
            yield f"shop-{shop:02},{article},{price + dice.randint(-30, 30)}.00,4.90,{seen}\n"


def texts() -> dict[str, str]:
    """Return the contents of all files by name; the same ones every time."""
    return {
        "returns-policy.md": _RETURNS,
        "shipping-times.md": _SHIPPING,
        "warranty-terms.md": _WARRANTY,
        "size-guide.csv": _SIZES,
        "employee-handbook.md": _handbook(),
        "standard-clauses.md": _CLAUSES,
        "approved-answers.csv": _ANSWERS,
        "rodo-w-pigułce.md": _RODO,
        "stock-history.csv": "".join(_history()),
        "chart-of-accounts.csv": _ACCOUNTS,
        "competitor-prices.csv": "".join(_prices()),
    }
