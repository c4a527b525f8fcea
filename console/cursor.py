"""The reader's place in a list: a key and the line it stands on.

Owns where the cursor and the scroll go when rows come, go and change places: nowhere, as long as the key is there.
Refuses indices as identity; an index is only where a key happens to stand now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Cursor:
    """A keyed cursor over `keys`, with a window of `height` rows that begins at `top`."""

    keys: Sequence[str] = ()
    key: str | None = None
    top: int = 0
    height: int = 1
    _places: dict[str, int] = field(default_factory=dict)

    @property
    def index(self) -> int | None:
        """Where the key stands now; None in an empty list."""
        return self._places.get(self.key) if self.key is not None else None

    def update(self, keys: Sequence[str]) -> None:
        """Take new keys. The row under the cursor stays on the same screen line; if it is gone, its nearest
        surviving neighbour below, else above, takes its place."""
        before, place = self.keys, self.index
        self.keys, self._places = keys, {key: index for index, key in enumerate(keys)}
        if not keys:
            # The key is kept: rows may come back (a filter taken away, an engine back).
            self.top = 0
            return
        if self.key is None:
            self.key, self.top = keys[0], 0
            return
        if self.key not in self._places:
            # Without a former place (a restored page), wait at the top without forgetting the key.
            if place is None:
                self.key = keys[0]
            else:
                later = (key for key in before[place + 1 :] if key in self._places)
                earlier = (key for key in reversed(before[:place]) if key in self._places)
                self.key = next(later, None) or next(earlier, None) or keys[min(place, len(keys) - 1)]
        now = self._places[self.key]
        if place is not None:
            # At the very top the reader watches the top: new rows push down, the scroll stays.
            at_top = self.top == 0 and now < self.height
            if not at_top:
                self.top = now - (place - self.top)
        self._clamp()

    def resize(self, height: int) -> None:
        """The window's height changed; the cursor stays visible."""
        self.height = max(1, height)
        self._clamp()

    def move(self, by: int) -> None:
        """Some rows up or down, ending at the edges."""
        if self.keys:
            self.go((self.index or 0) + by)

    def go(self, index: int) -> None:
        """To a row by its place."""
        if self.keys:
            self.key = self.keys[max(0, min(index, len(self.keys) - 1))]
            self._clamp()

    def seek(self, key: str) -> bool:
        """To a row by its key; False when it is not there."""
        if key not in self._places:
            return False
        self.key = key
        self._clamp()
        return True

    def scroll(self, by: int) -> None:
        """Move the window, dragging the cursor along only when it would leave it (the mouse wheel)."""
        if not self.keys:
            return
        self.top = max(0, min(self.top + by, len(self.keys) - self.height))
        place = self.index or 0
        self.key = self.keys[max(self.top, min(place, self.top + self.height - 1, len(self.keys) - 1))]

    def _clamp(self) -> None:
        place = self.index
        if place is None:
            return
        if place < self.top:
            self.top = place
        elif place >= self.top + self.height:
            self.top = place - self.height + 1
        self.top = max(0, min(self.top, max(0, len(self.keys) - self.height)))
