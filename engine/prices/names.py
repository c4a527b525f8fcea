"""Which model a name means.

Owns the normalisation of the names that agents report (context-window marks, provider prefixes, Bedrock and Vertex
spellings, dates) and their match against the price book. Refuses guesses: a name that only begins like a known one is
unknown, because a new model under an old price is worse than no price.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

PROVIDER_PREFIXES = {
    "anthropic": "anthropic",
    "openai": "openai",
    "google": "google",
    "gemini": "google",
    "models": "google",
    "vertex_ai": "google",
    "azure": "azure",
    "bedrock": "aws",
    "x-ai": "x-ai",
    "xai": "x-ai",
    "deepseek": "deepseek",
    "mistral": "mistral",
    "moonshotai": "moonshotai",
    "zai": "zai",
    "groq": "groq",
    "openrouter": "openrouter",
    "github-copilot": "github-copilot",
    "github_copilot": "github-copilot",
}
"""What may stand before a slash, and whose prices that means."""

OWN_PROVIDERS = {"github_copilot": "github-copilot", "cursor": "cursor"}
"""Agents that bill models by their own price list; a model that is not on it is looked up elsewhere."""

BEDROCK = re.compile(r"^(?:(?:us-gov|us|eu|apac|au|jp|ca|global)\.)?(?:anthropic|amazon|meta|mistral|qwen|openai)\.")
SUFFIX = re.compile(
    r"(?:[-@:](?:latest|preview|exp|experimental|20\d{6}|20\d\d-\d\d-\d\d|\d\d-20\d\d|\d\d-\d\d|v\d+(?::\d+)?|\d{3}))*"
)
"""What may follow a known name without making it another model: dates, versions, release stages."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the price book: the provider whose prices hold, and the book's own id of it."""

    provider: str
    model_id: str


def plain(name: str) -> tuple[str | None, str]:
    """(provider or None, the name without what does not change the model)."""
    text = name.strip().lower()
    text = re.sub(r"\[1m\]$", "", text)
    provider = None
    if text.startswith("arn:aws:bedrock:"):
        provider, text = "aws", text.rsplit("/", 1)[-1]
    while "/" in text and provider != "openrouter":
        prefix, rest = text.split("/", 1)
        if prefix not in PROVIDER_PREFIXES:
            break
        # The outermost prefix names who is paid: openrouter/anthropic/… and bedrock/anthropic/… are not Anthropic.
        provider = provider or PROVIDER_PREFIXES[prefix]
        text = rest
    if BEDROCK.match(text) and provider in (None, "aws"):
        provider = "aws"
    text = re.sub(r"@(?:20\d{6}|latest|default)$", "", text)
    return provider, text


@lru_cache(maxsize=4096)
def find(name: str, agent_type: str | None = None) -> Model | None:
    """The model that a reported name means, or None when the price book does not know it."""
    provider, text = plain(name)
    own = OWN_PROVIDERS.get(agent_type or "")
    candidates = [own, provider] if own and provider is None else [provider]
    for candidate in candidates:
        found = _lookup(text, candidate)
        if found is not None:
            return found
    return None


def _lookup(text: str, provider_id: str | None) -> Model | None:
    from genai_prices.data_snapshot import get_snapshot

    snapshot = get_snapshot()
    try:
        provider, model = snapshot.find_provider_model(text, None, provider_id, None)
    except LookupError:
        return None
    owner = next(
        (known for known in (provider, *snapshot.providers) if any(model is one for one in known.models)), None
    )
    # Some routers write dates without dashes where the book has them with dashes.
    dashed = re.sub(r"-(20\d\d)(\d\d)(\d\d)(?=-|:|$)", r"-\1-\2-\3", text)
    if owner is None or not (_means(model.match, text) or _means(model.match, dashed)):
        return None
    return Model(owner.id, model.id)


def _means(clause: Any, text: str) -> bool:
    """Whether the clause of the price book matches the whole name, not just its beginning or some part of it."""
    from genai_prices.types import (
        ClauseAnd,
        ClauseContains,
        ClauseEndsWith,
        ClauseEquals,
        ClauseOr,
        ClauseRegex,
        ClauseStartsWith,
    )

    match clause:
        case ClauseOr():
            return any(_means(part, text) for part in clause.or_)
        case ClauseAnd():
            return clause.is_match(text) and any(_means(part, text) for part in clause.and_)
        case ClauseEquals():
            return bool(clause.is_match(text))
        case ClauseRegex():
            # Negative conditions ("not text-to-speech") are no name by themselves.
            return not clause.regex.startswith("^(?!") and bool(clause.is_match(text))
        case ClauseStartsWith():
            return clause.is_match(text) and _ends(clause.starts_with.lower(), text[len(clause.starts_with) :])
        case ClauseEndsWith():
            return clause.is_match(text) and _begins(text[: -len(clause.ends_with)])
        case ClauseContains():
            before, found, after = text.partition(clause.contains.lower())
            return bool(found) and _begins(before) and _ends(clause.contains.lower(), after)
    return False


def _begins(before: str) -> bool:
    return before == "" or before.endswith("/") or BEDROCK.fullmatch(before) is not None


def _ends(known: str, after: str) -> bool:
    if SUFFIX.fullmatch(after):
        return True
    if known[-1] in "-@:":
        return SUFFIX.fullmatch(known[-1] + after) is not None
    if re.search(r"-20\d\d$", known):
        # The book cuts some dates after the year.
        date, rest = after[:4], after[4:]
        return date.isdigit() and len(date) == 4 and SUFFIX.fullmatch(rest) is not None
    return False
