"""Who works in the simulated team: developers, their agents, their repositories, their hours.

Owns the draw of a team from a seed. Refuses time: what the team does, and when, is `plan.py`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

DOMAIN = "example.com"
NAMES = (
    *("alice", "bob", "carol", "dmitri", "erin", "farid", "grace", "hugo", "ines", "jonas", "kavya", "liam", "mei"),
    *("noor", "oscar", "priya", "quentin", "rosa", "sven", "tariq", "uma", "viktor", "wanda", "xavier", "yara", "zeno"),
)
REPOSITORIES = ("payments-api", "web", "infra", "mobile", "search", "docs-site")


@dataclass(frozen=True, slots=True)
class Model:
    """A model an agent uses, with its price as the client knows it: USD per million tokens."""

    name: str
    input_price: float
    output_price: float
    cache_read_price: float
    cache_write_price: float


OPUS = Model("claude-opus-4-8", 5, 25, 0.5, 6.25)
SONNET = Model("claude-sonnet-4-5", 3, 15, 0.3, 3.75)
HAIKU = Model("claude-haiku-4-5", 1, 5, 0.1, 1.25)
CODEX = Model("gpt-5.1-codex", 1.25, 10, 0.125, 0)
LOCAL = Model("glm-4.7-local", 0, 0, 0, 0)
"""A model that no price book knows: its cost is unknown, not zero."""


@dataclass(frozen=True, slots=True)
class Developer:
    """One person. `start_hour` and `hours` bound the working day (UTC); `pace` scales how long they think."""

    name: str
    email: str
    user_id: str
    agents: tuple[tuple[str, float], ...]
    models: tuple[tuple[Model, float], ...]
    repositories: tuple[str, ...]
    start_hour: float
    hours: float
    pace: float
    trailers: bool
    names_commits: bool


def draw(random_: random.Random, developers: int, anchor_hour: float) -> tuple[Developer, ...]:
    """A team of `developers`, most of whom are at work at `anchor_hour` (UTC), so that a demonstration is alive."""
    team = []
    for number in range(developers):
        base = NAMES[number % len(NAMES)]
        name = base if number < len(NAMES) else f"{base}{number // len(NAMES) + 1}"
        codex_share = random_.choice((0.0, 0.0, 0.25, 0.6, 1.0))
        agents = tuple((a, w) for a, w in (("claude_code", 1 - codex_share), ("codex", codex_share)) if w > 0)
        favourite = random_.choice((OPUS, SONNET, SONNET))
        models: tuple[tuple[Model, float], ...] = ((favourite, 0.9), (HAIKU, 0.1))
        if number % 5 == 4:
            models = ((favourite, 0.8), (LOCAL, 0.2))
        count = min(len(REPOSITORIES), random_.choice((1, 2, 2, 3)))
        began = random_.uniform(0.5, 5.5) if number % 4 != 3 else random_.uniform(9.5, 14)
        team.append(
            Developer(
                name=name,
                email=f"{name}@{DOMAIN}",
                user_id=f"{random_.getrandbits(256):064x}",
                agents=agents,
                models=models,
                repositories=tuple(random_.sample(REPOSITORIES, count)),
                start_hour=(anchor_hour - began) % 24,
                hours=random_.uniform(6.5, 9),
                pace=random_.uniform(0.7, 1.6),
                trailers=random_.random() < 0.6,
                names_commits=random_.random() < 0.4,
            )
        )
    return tuple(team)
