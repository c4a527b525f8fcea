"""What the settings of every agent have in common: where telemetry goes, and the error of a file left alone."""

from __future__ import annotations

from dataclasses import dataclass


class SetupError(Exception):
    """One part of the set-up was not done. `sentence` says what and where, `hint` what to do."""

    def __init__(self, sentence: str, hint: str) -> None:
        super().__init__(f"{sentence}; {hint}")
        self.sentence = sentence
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an agent sends: `url` without path, over HTTP."""

    url: str
    key: str | None
    developer: str | None
    interval_seconds: int
    include_prompts: bool

    def headers(self) -> dict[str, str]:
        """What identifies the sender."""
        found = {}
        if self.key:
            found["Authorization"] = f"Bearer {self.key}"
        if self.developer:
            found["x-developer-id"] = self.developer
        return found
