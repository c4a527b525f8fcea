"""Parts of posted payloads that several of them share, or that need more than a field's conversion.

Owns the project an item names, agents' names, trailers, languages, metadata, and how much of a commit message is kept.
Refuses whole payloads: `submissions.py` puts these together.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from engine.agents import registry
from engine.ingest.fields import Item
from engine.projects import identify, normalise_remote, without_credentials
from engine.store.rows import RawRows, dedup_key

HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
ABBREVIATED = re.compile(r"[0-9a-f]{7,64}")
KIND = re.compile(r"[a-z][a-z0-9_]{0,63}")
AGENT_TRAILERS = frozenset(
    {"co-authored-by", "assisted-by", "co-developed-by", "generated-by", "ai-assisted-by", "claude-session"}
)


@dataclass(frozen=True, slots=True)
class Sender:
    """What the door knows of the sender. `project` is the x-project-id header; `projects` what the key may write."""

    developer_id: str | None = None
    developer_hint: str | None = None
    local_developer: str | None = None
    local: bool = False
    project: str | None = None
    projects: tuple[str, ...] | None = None
    include_prompts: bool = False
    commit_messages: str = "full"

    def developer(self, email: str | None = None, hint: str | None = None) -> str | None:
        """Key's developer, else e-mail, else what the sender says, else the local one."""
        return (
            self.developer_id
            or (email.lower() if email else None)
            or hint
            or self.developer_hint
            or self.local_developer
        )


def stored_message(message: str | None, sender: Sender) -> str | None:
    """What `git.commit_messages` lets through; the same forms as for commits that the engine reads itself."""
    if message is None or sender.commit_messages == "none":
        return None
    if sender.commit_messages == "subject":
        return " ".join(re.split(r"\n\s*\n", message.lstrip(), maxsplit=1)[0].split())
    if sender.commit_messages == "hash":
        return "blake2b:" + hashlib.blake2b(message.encode("utf-8", "replace"), digest_size=16).hexdigest()
    return message


def project_of(item: Item, rows: RawRows, sender: Sender, folder: str | None = None) -> str | None:
    """The project an item names (id, remote, or a folder of this machine), and a row for it."""
    project_id = item.text("project_id", "projectId")
    remote = item.text("remote_url")
    name = item.text("project_name")
    if project_id is None and remote is not None:
        project_id = normalise_remote(remote)
        if project_id is None:
            item.wrong("remote_url", "is not the address of a git repository")
    if project_id is None and folder is not None and sender.local:
        found = identify(Path(folder))
        project_id, name, remote = found.project_id, name or found.name, found.remote_url
    if project_id is None:
        project_id = sender.project
    if project_id is None and sender.projects is not None and len(sender.projects) == 1:
        project_id = sender.projects[0]
    if sender.projects is not None and project_id not in sender.projects:
        item.wrong("project_id", "is not a project that this key may write")
    if project_id is not None:
        row = {
            "project_id": project_id,
            "project_name": name or project_id.rsplit("/", 1)[-1],
            "remote_url": None if remote is None else without_credentials(remote),
            "root_path": None,
            "default_branch": item.text("default_branch"),
            "watched": False,
        }
        key = dedup_key("repositories", row.values())
        if key not in rows.tables.get("repositories", {}).get("dedup_key", ()):
            rows.append("repositories", row | {"dedup_key": key})
    return project_id


def agent_of(item: Item, *names: str, required: bool = False) -> str | None:
    """An agent type; aliases become the name we use, unknown names stay as they are, in lower case."""
    text = item.text(*names, required=required, longest=100)
    if text is None:
        return None
    known = registry.by_type(text)
    return text.lower() if known is None else known.agent_type


def parents_of(item: Item) -> str | None:
    _, value = item.raw("parents")
    hashes = value.split() if isinstance(value, str) else value
    if hashes is None:
        return None
    if not isinstance(hashes, list) or not all(isinstance(one, str) and HASH.fullmatch(one.lower()) for one in hashes):
        item.wrong("parents", "must be whole commit hashes")
        return None
    return " ".join(one.lower() for one in hashes)


def trailers_of(item: Item, sender: Sender) -> str | None:
    """Trailers as {key: [values]}; where messages are not stored in full, only those that tell of agents."""
    _, value = item.raw("trailers")
    if value is None:
        return None
    pairs: list[Any] = value if isinstance(value, list) else [value]
    if isinstance(value, dict):
        pairs = [
            (key, text) for key, texts in value.items() for text in (texts if isinstance(texts, list) else [texts])
        ]
    if not all(
        isinstance(pair, (list, tuple)) and len(pair) == 2 and all(isinstance(part, str) for part in pair)
        for pair in pairs
    ):
        item.wrong("trailers", "must be an array of [key, value], or an object of texts")
        return None
    kept: dict[str, list[str]] = {}
    for key, text in pairs:
        if sender.commit_messages == "full" or key.lower() in AGENT_TRAILERS:
            kept.setdefault(key.lower(), []).append(text)
    return orjson.dumps(kept).decode() if kept else None


def languages_of(item: Item, value: Any) -> str | None:
    """Language, suggestions, acceptances and lines; nothing else of an entry is kept."""
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        item.wrong("language_breakdown", "must be an array of objects")
        return None
    kept = []
    for entry in value:
        language = entry.get("language")
        if not isinstance(language, str):
            item.wrong("language_breakdown", "needs a language in every entry")
            return None
        numbers = {
            name: number
            for name, number in sorted(entry.items())
            if isinstance(name, str) and isinstance(number, int) and not isinstance(number, bool)
        }
        kept.append({"language": language[:100], **numbers})
    return orjson.dumps(kept).decode()


def metadata_of(item: Item, sender: Sender) -> tuple[str | None, list[str]]:
    """What of `metadata` is stored, and the names of what is not.

    Numbers and truth values stay; texts could hold content, so they go unless the workspace stores prompts.
    """
    name, value = item.raw("metadata", "payload")
    if value is None:
        return None, []
    if not isinstance(value, dict):
        item.wrong(name, "must be an object")
        return None, []
    kept = {
        key: entry for key, entry in value.items() if sender.include_prompts or isinstance(entry, (int, float, bool))
    }
    text = orjson.dumps(kept, option=orjson.OPT_SORT_KEYS).decode() if kept else None
    return text, [key for key in value if key not in kept]


def short_hash(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()
