"""Fairness between senders: who goes next, and who has too much under way.

Owns two small structures: a queue that serves senders in turn, by rows and not by requests, and the count of requests
and rows that each sender has under way, with the share at which one is asked to wait. Refuses to know keys, protocols
and the disk; neither is safe in threads by itself, the owner locks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")

TURN_ROWS = 2_000
"""What a sender may put into a group before the next one's turn."""


class FairQueue(Generic[Item]):
    """Items with a size, by sender. Each sender's own items keep their order."""

    def __init__(self, turn_rows: int = TURN_ROWS) -> None:
        self._turn = turn_rows
        self._lines: dict[str, deque[tuple[Item, int]]] = {}
        self._credit: dict[str, int] = {}

    def put(self, sender: str, item: Item, rows: int) -> None:
        """Queue behind this sender's other items."""
        line = self._lines.get(sender)
        if line is None:
            line = self._lines[sender] = deque()
            self._credit[sender] = 0
        line.append((item, rows))

    def take(self, most_rows: int) -> list[Item]:
        """The next group: at least one item, else as many as fit into `most_rows`, a turn of each sender at a time."""
        if len(self._lines) == 1:
            return self._of_one(most_rows)
        taken: list[Item] = []
        room = most_rows
        while self._lines:
            sender, line = next(iter(self._lines.items()))
            credit = self._credit[sender] + self._turn
            while line and (line[0][1] <= credit or not taken):
                item, rows = line[0]
                if taken and rows > room:
                    self._credit[sender] = credit
                    return taken
                line.popleft()
                taken.append(item)
                room -= rows
                credit -= rows
            # To the end of the row, or out of it: an empty line keeps no credit.
            del self._lines[sender], self._credit[sender]
            if line:
                self._lines[sender], self._credit[sender] = line, credit
            if room <= 0:
                return taken
        return taken

    def _of_one(self, most_rows: int) -> list[Item]:
        (sender, line), *_ = self._lines.items()
        taken: list[Item] = []
        while line and (not taken or line[0][1] <= most_rows):
            item, rows = line.popleft()
            taken.append(item)
            most_rows -= rows
        if not line:
            del self._lines[sender], self._credit[sender]
        return taken

    def __bool__(self) -> bool:
        return bool(self._lines)


@dataclass(slots=True)
class UnderWay:
    """What one sender has under way."""

    requests: int = 0
    rows: int = 0


@dataclass(slots=True)
class Shares:
    """Requests and rows under way, by sender; `most_*` bound all senders together.

    One sender alone gets half of it; with n senders under way each gets its (n+1)th part, so that a newcomer always
    finds room however much the others send.
    """

    most_requests: int
    most_rows: int
    refused: int = 0
    rows: int = 0
    requests: int = 0
    _of: dict[str, UnderWay] = field(default_factory=dict)

    def admits(self, sender: str) -> bool:
        """Whether this sender may have one more request under way; a refusal is counted."""
        mine = self._of.get(sender)
        if mine is None:
            return True
        parts = len(self._of) + 1
        if mine.requests * parts < self.most_requests and mine.rows * parts < self.most_rows:
            return True
        self.refused += 1
        return False

    def enter(self, sender: str, requests: int = 1, rows: int = 0) -> None:
        """A request or its rows begin their way."""
        mine = self._of.get(sender)
        if mine is None:
            mine = self._of[sender] = UnderWay()
        mine.requests += requests
        mine.rows += rows
        self.requests += requests
        self.rows += rows

    def leave(self, sender: str, requests: int = 1, rows: int = 0) -> None:
        """They are done, however they ended."""
        mine = self._of.get(sender)
        if mine is None:
            return  # of no rows, and gone with the last that had some
        mine.requests -= requests
        mine.rows -= rows
        self.requests -= requests
        self.rows -= rows
        if not mine.requests and not mine.rows:
            del self._of[sender]

    def senders(self) -> Sequence[str]:
        """Who has something under way."""
        return tuple(self._of)
