"""The generations of all organizations, as this process last read them: at most a second ago."""

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Final

REREAD_AFTER_SECONDS: Final = 0.8
"""How old a reading may be before somebody reads anew."""

USABLE_SECONDS: Final = 1.0
"""How old a reading may be while somebody reads anew; beyond it everybody waits."""


class Generations:
    """Tells an organization's generation as of less than a second before it was asked.

    One thread reads for all, so a process asks the database at most about once a second, however
    many requests it answers. Whatever was remembered under another generation is to be read anew.
    """

    def __init__(
        self, read: Callable[[], Mapping[int, int]], *, clock: Callable[[], float]
    ) -> None:
        """Read by `read`; `clock` counts seconds and never goes back."""
        self._read = read
        self._clock = clock
        self._lock = Lock()
        self._known: Mapping[int, int] = {}
        self._read_at = float("-inf")
        self._failure: tuple[float, Exception] | None = None

    def of(self, organization_id: int) -> int:
        """Return an organization's generation; 0 where nothing ever changed.

        Raises what the reading raises.
        """
        return self.all().get(organization_id, 0)

    def all(self) -> Mapping[int, int]:
        """Return the generation of each organization that ever changed anything."""
        asked_at = self._clock()
        age = asked_at - self._read_at
        if age <= REREAD_AFTER_SECONDS or (age <= USABLE_SECONDS and self._lock.locked()):
            return self._known
        with self._lock:
            # what another thread began to read in the meantime is new enough for this one too
            if asked_at - self._read_at > REREAD_AFTER_SECONDS:
                self._read_anew(asked_at)
            return self._known

    def _read_anew(self, asked_at: float) -> None:
        # all who waited for a reading that failed share its failure, instead of waiting in turn
        if self._failure is not None and self._failure[0] >= asked_at:
            raise self._failure[1]
        begun_at = self._clock()
        try:
            self._known = self._read()
        except Exception as error:
            self._failure = (self._clock(), error)
            raise
        self._read_at, self._failure = begun_at, None
