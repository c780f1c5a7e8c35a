"""The second after which a change must show."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine

from orgs.access.desktop_polls import MEMORY
from tests.factories.orgs import NOW


class Clock:
    """The clock of the outer layers, and that of the memory of generations."""

    def __init__(self, traveller: Any) -> None:
        self.traveller = traveller
        self.seconds = 0.0

    @property
    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def forward(self, seconds: float = 1.01) -> None:
        """Let time pass: by default the second within which a change must show."""
        self.seconds += seconds
        self.traveller.move_to(self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch):
    with time_machine.travel(NOW, tick=False) as traveller:
        clock = Clock(traveller)
        monkeypatch.setattr(MEMORY.generations, "_clock", lambda: clock.seconds)
        monkeypatch.setattr(MEMORY.generations, "_read_at", float("-inf"))
        yield clock
