"""The view that sets reported, priced, billed and paid money beside each other.

Owns its declaration. Refuses groups of spend: those are groups.py.
"""

from __future__ import annotations

from engine.api.views.declaration import Column, Scope, View
from engine.api.views.parts import TOTAL_TOKENS, UNPRICED
from engine.filters.to_sql import Target

RECONCILIATION = View(
    name="reconciliation",
    help="Reported, priced, billed and paid, by day and vendor, and why they differ.",
    columns=(
        Column("reconciliation_key", "text", "day and vendor"),
        Column("date", "day", "day of the report time zone; of a bill, the vendor's day"),
        Column("vendor", "text", "who is paid"),
        Column("request_count", "integer", "model calls that were counted"),
        TOTAL_TOKENS,
        UNPRICED,
        Column("reported_usd", "money", "API-equivalent US dollars as the clients reported them"),
        Column("priced_usd", "money", "API-equivalent US dollars by the price book"),
        Column("cost_usd", "money", "API-equivalent US dollars that count: reported where known, else priced"),
        Column("covered_usd", "money", "part of the cost whose calls a declared plan covers"),
        Column("metered_usd", "money", "the cost without what plans cover: what a bill should say"),
        Column("billed_usd", "money", "US dollars on the vendor's bill; unknown where none was read"),
        Column("paid_usd", "money", "US dollars paid for declared plans; unknown where none is declared"),
        Column("difference_usd", "money", "reported less priced: the sum of the next five"),
        Column("no_client_cost_usd", "money", "of the difference: calls whose client reports no cost"),
        Column("unpriced_model_usd", "money", "of the difference: calls that the price book has no price for"),
        Column("auxiliary_usd", "money", "of the difference: auxiliary calls"),
        Column("cache_split_usd", "money", "of the difference: cache writes not split into 5 minutes and 1 hour"),
        Column("price_list_usd", "money", "of the difference: calls that both know, at another price"),
        Column("cause", "text", "the heaviest part of the difference"),
        Column("billed_difference_usd", "money", "billed less metered"),
        Column("billed_cause", "text", "why the bill says something else"),
    ),
    key=("reconciliation_key",),
    default_sort="-date",
    scopes=(
        Scope(
            "days",
            {"since": Target(("r.date",), by_day=True), "until": Target(("r.date",), by_day=True)},
            Target(("r.vendor", "r.cause", "r.billed_cause")),
        ),
    ),
    measures={"cost": Target(("cost_usd",)), "tokens": Target(("total_tokens",))},
    totals=(
        "request_count",
        "total_tokens",
        "unpriced_tokens",
        "reported_usd",
        "priced_usd",
        "cost_usd",
        "covered_usd",
        "metered_usd",
        "billed_usd",
        "paid_usd",
        "difference_usd",
        "billed_difference_usd",
    ),
)
