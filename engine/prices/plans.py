"""Subscriptions and seats: `plans.yaml` in the data directory.

Owns the form of the file and the messages for a wrong one (file, line, what is expected). What is declared here is the
money that is paid whatever is used; what the same calls would cost on the API stays beside it. Refuses to change the
file and to guess a price.

    plans:
      - vendor: anthropic               # who is paid: anthropic, openai, google, alibaba, github, cursor, or another
        plan: Max 20x                   # as you call it
        monthly: 200.00                 # US dollars per seat and calendar month
        developers: [alice@acme.dev, bob@acme.dev]
        seats: 3                        # optional: seats that are paid, when more than developers sit on them
        agents: [claude_code]           # optional: whose calls it covers; default: the vendor's own
        from: 2026-01-01                # the first day that is paid
        until: 2027-01-01               # optional: the first day that is no longer paid
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from engine.errors import ConfigurationError
from engine.prices import declared
from engine.prices.declared import Entry
from engine.prices.vendors import OF_AGENT, agents_of

FILE_NAME = "plans.yaml"
KEYS = ("vendor", "plan", "monthly", "developers", "seats", "agents", "from", "until")
DIGITS = Decimal("0.000000000001")


@dataclass(frozen=True, slots=True)
class Seat:
    """What is paid per month for one developer; `developer` None: for seats that nobody sits on.

    `until` is exclusive. `agents`: whose calls by this developer the plan covers.
    """

    vendor: str
    plan: str
    agents: tuple[str, ...]
    developer: str | None
    monthly_usd: Decimal
    since: date
    until: date | None


@dataclass(frozen=True, slots=True)
class Plans:
    """Every seat, and a source that changes with the file's content."""

    source: str
    seats: tuple[Seat, ...]


NONE = Plans("plans.yaml none", ())


def load(path: Path | None) -> Plans:
    """Read the file; a missing one declares nothing. Raises ConfigurationError."""
    if path is None or not path.exists():
        return NONE
    found = declared.read(path, "plans", KEYS, as_text=("monthly",))
    seats: dict[tuple[object, ...], tuple[Seat, str]] = {}
    for entry in found.entries:
        for seat in _seats(entry):
            key = (seat.vendor, seat.plan, seat.developer, seat.since)
            if key in seats:
                who = seat.developer or "empty seats"
                raise ConfigurationError(
                    f"{entry.where}: {seat.plan} of {who} from {seat.since} is declared twice, first at {seats[key][1]}"
                )
            seats[key] = (seat, entry.where)
    if not seats:
        return NONE
    return Plans(f"plans.yaml {found.mark}", tuple(seat for seat, _ in seats.values()))


def _seats(entry: Entry) -> list[Seat]:
    values = entry.values
    for key in ("vendor", "plan", "monthly", "from"):
        if values.get(key) in (None, ""):
            raise ConfigurationError(f"{entry.where}: a plan needs {key}")
    vendor, plan = str(values["vendor"]).strip().lower(), str(values["plan"]).strip()
    what = "monthly must be US dollars per seat and month"
    monthly = declared.amount(values["monthly"], what, DIGITS, entry.at("monthly"))
    since, until = (_date(entry, key) for key in ("from", "until"))
    assert since is not None
    if until is not None and until <= since:
        raise ConfigurationError(f"{entry.at('until')}: until must be later than from ({since})")
    agents = _texts(entry, "agents") or agents_of(vendor)
    unknown = next((agent for agent in agents if agent not in OF_AGENT and agent not in ("opencode", "other")), None)
    if unknown is not None:
        from engine.settings import nearest

        raise ConfigurationError(
            f"{entry.at('agents')}: unknown agent {unknown}", hint=nearest(unknown, list(OF_AGENT)) or None
        )
    if not agents:
        known = ", ".join(sorted(set(OF_AGENT.values())))
        raise ConfigurationError(
            f"{entry.at('vendor')}: {vendor} has no agent of its own",
            hint=f"say which calls the plan covers (agents: …), or name one of {known}",
        )
    developers = list(dict.fromkeys(name.strip().lower() for name in _texts(entry, "developers")))
    paid = values.get("seats", len(developers))
    if isinstance(paid, bool) or not isinstance(paid, int) or paid < len(developers):
        expected = f"a whole number, at least the {len(developers)} developers"
        raise ConfigurationError(f"{entry.at('seats')}: seats must be {expected}, not {paid!r}")
    if paid == 0:
        raise ConfigurationError(f"{entry.where}: a plan needs developers, or seats that are paid")
    seats = [Seat(vendor, plan, agents, developer, monthly, since, until) for developer in developers]
    if paid > len(developers):
        seats.append(Seat(vendor, plan, agents, None, monthly * (paid - len(developers)), since, until))
    return seats


def _date(entry: Entry, key: str) -> date | None:
    value = declared.day(entry.values.get(key), key, entry.at(key))
    if isinstance(value, datetime):
        raise ConfigurationError(f"{entry.at(key)}: {key} must be a date without a time, such as 2026-01-31")
    return value


def _texts(entry: Entry, key: str) -> tuple[str, ...]:
    value = entry.values.get(key)
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and all(isinstance(each, str) and each.strip() for each in value):
        return tuple(value)
    raise ConfigurationError(f"{entry.at(key)}: {key} must be a list of names, not {value!r}")
