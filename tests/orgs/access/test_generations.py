"""One reads for all, and nobody is told anything older than a second."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from orgs.access.generations import Generations


class Source:
    """A database with a clock beside it."""

    def __init__(self):
        self.seconds = 100.0
        self.generation = 1
        self.reads = 0
        self.generations = Generations(self.read, clock=lambda: self.seconds)

    def read(self):
        self.reads += 1
        return {7: self.generation}


@pytest.fixture
def source():
    return Source()


def test_it_reads_once_and_again_after_eight_tenths_of_a_second(source):
    assert (source.generations.of(7), source.reads) == (1, 1)
    source.generation = 2
    source.seconds += 0.8
    assert (source.generations.of(7), source.reads) == (1, 1)
    source.seconds += 0.01
    assert (source.generations.of(7), source.reads) == (2, 2)


def test_an_organization_that_never_changed_anything_has_generation_0(source):
    assert source.generations.of(8) == 0


def test_a_reading_counts_from_its_beginning(source):
    """What the database said when it was asked may be old when it arrives."""

    def slow():
        said = {7: source.generation}
        source.seconds += 5
        return said

    generations = Generations(slow, clock=lambda: source.seconds)
    assert generations.of(7) == 1
    source.generation = 2
    assert generations.of(7) == 2


def test_while_one_reads_others_go_on_with_what_is_less_than_a_second_old(source):
    reading, may_end = Event(), Event()

    def blocked():
        if source.reads:
            reading.set()
            assert may_end.wait(10)
        return source.read()

    generations = Generations(blocked, clock=lambda: source.seconds)
    assert generations.of(7) == 1
    source.generation = 2
    source.seconds += 0.9
    with ThreadPoolExecutor(2) as pool:
        reader = pool.submit(generations.of, 7)
        assert reading.wait(10)
        assert generations.of(7) == 1  # at once, from memory
        source.seconds += 0.2
        waiting = pool.submit(generations.of, 7)  # 1.1 s is too old: it waits
        may_end.set()
        assert (reader.result(10), waiting.result(10)) == (2, 2)


def test_many_threads_share_one_reading(source):
    source.generations.of(7)
    source.generation = 2
    source.seconds += 2
    together = Barrier(8)

    def ask():
        together.wait(10)
        return source.generations.of(7)

    with ThreadPoolExecutor(8) as pool:
        assert [future.result(10) for future in [pool.submit(ask) for _ in range(8)]] == [2] * 8
    assert source.reads == 2


def test_who_waited_for_a_reading_that_failed_fails_with_it(source):
    reading, may_fail = Event(), Event()
    reads = []

    def failing():
        reads.append(1)
        reading.set()
        assert may_fail.wait(10)
        raise ConnectionError

    generations = Generations(failing, clock=lambda: source.seconds)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(generations.of, 7)
        assert reading.wait(10)
        second = pool.submit(generations.of, 7)
        while not second.running():
            pass
        source.seconds += 0.5
        may_fail.set()
        for future in (first, second):
            with pytest.raises(ConnectionError):
                future.result(10)
    assert len(reads) == 1
    source.seconds += 0.01
    with pytest.raises(ConnectionError):
        generations.of(7)  # who asks later tries again
    assert len(reads) == 2
