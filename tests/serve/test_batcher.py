"""The batcher with an engine that is told how to behave: nobody waits for ever, and nobody pays for another's fault."""

import asyncio
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penjing.engines import Item
from penjing.serve.batcher import Answered, Batcher, _Entry
from penjing.serve.problems import Problem
from tests.serve.running import until


def item(value, length=1):
    return Item(value, length, length)


class Engine:
    """Doubles numbers; "bad" ones fail, and a held one waits until it is let go or interrupted."""

    def __init__(self):
        self.batches, self.started, self.go, self.interrupted = [], Event(), Event(), False

    def __call__(self, items):
        self.batches.append([found.values for found in items])
        self.started.set()
        values = [found.values for found in items]
        if "hold" in values:
            assert self.go.wait(30)
            if self.interrupted:
                raise RuntimeError("interrupted")
        if "bad" in values:
            raise ValueError("a bad one")
        return [value * 2 for value in values]

    def interrupt(self):
        self.interrupted = True
        self.go.set()
        return True


def batcher(engine, **changes):
    settings = {"batch_items": 4, "batch_tokens": 100, "waiting_items": 8, "waiting_tokens": 1000, "wedged_s": 30.0}
    return Batcher(engine, interrupt=engine.interrupt, **settings | changes)


async def started(engine):
    assert await asyncio.to_thread(engine.started.wait, 30)


def values(answers):
    return [answer.value if isinstance(answer, Answered) else answer.code for answer in answers]


def test_what_gathers_while_the_engine_works_is_one_batch():
    engine = Engine()
    found = batcher(engine)

    async def main():
        first = asyncio.create_task(found.answer([item("hold")], deadline_s=30))
        await started(engine)
        others = [asyncio.create_task(found.answer([item(number)], deadline_s=30)) for number in (1, 2, 3)]
        await asyncio.sleep(0)
        engine.go.set()
        return await asyncio.gather(first, *others)

    answers = asyncio.run(main())
    assert [values(answer) for answer in answers] == [["holdhold"], [2], [4], [6]]
    assert engine.batches == [["hold"], [1, 2, 3]]
    assert answers[1][0].batch_items == 3
    found.close()


def test_one_bad_item_fails_alone():
    engine = Engine()
    found = batcher(engine)
    answers = asyncio.run(found.answer([item(1), item("bad"), item(3)], deadline_s=30))
    assert values(answers) == [2, "internal_error", 6]
    assert engine.batches[1:] == [[1], ["bad"], [3]]
    found.close()


def test_all_of_a_request_is_taken_or_nothing():
    engine = Engine()
    found = batcher(engine)

    async def main():
        held = asyncio.create_task(found.answer([item("hold")], deadline_s=30))
        await started(engine)
        waiting = asyncio.create_task(found.answer([item(number) for number in range(6)], deadline_s=30))
        await asyncio.sleep(0)
        with pytest.raises(Problem) as refused:
            await found.answer([item(7), item(8), item(9)], deadline_s=30)
        with pytest.raises(Problem, match="tokens wait"):
            await found.answer([item(7, length=1000)], deadline_s=30)
        assert found.waiting == (6, 6)
        engine.go.set()
        await held
        return refused.value, await waiting

    refused, answers = asyncio.run(main())
    assert (refused.status, refused.code) == (429, "queue_full")
    assert int(refused.headers["Retry-After"]) >= 1
    assert values(answers) == [0, 2, 4, 6, 8, 10]
    assert found.waiting == (0, 0)
    found.close()


def test_an_engine_that_hangs_is_interrupted_and_goes_on():
    engine = Engine()
    found = batcher(engine, wedged_s=0.05)

    async def main():
        held = asyncio.create_task(found.answer([item("hold")], deadline_s=30))
        await started(engine)
        waiting = asyncio.create_task(found.answer([item(1)], deadline_s=30))
        return await held, await waiting

    held, waiting = asyncio.run(main())
    assert values(held) == values(waiting) == ["engine_failed"]
    until(lambda: engine.interrupted)  # who waits is told first
    until(lambda: found.healthy)  # the thread says so when the engine has come back
    assert values(asyncio.run(found.answer([item(2)], deadline_s=30))) == [4]
    found.close()


def test_an_engine_that_stays_away_refuses_new_work():
    engine = Engine()
    never = Event()

    def run(items):
        engine.started.set()
        never.wait(30)
        return [1]

    found = Batcher(
        run, interrupt=lambda: False, batch_items=1, batch_tokens=10, waiting_items=4, waiting_tokens=10, wedged_s=0.05
    )
    assert values(asyncio.run(found.answer([item(1)], deadline_s=30))) == ["engine_failed"]
    assert not found.healthy
    with pytest.raises(Problem, match="does not answer"):
        asyncio.run(found.answer([item(1)], deadline_s=30))
    never.set()
    found.close()
    found.join(30)


def test_who_waits_is_told_at_the_deadline_and_left_out():
    engine = Engine()
    found = batcher(engine)

    async def main():
        held = asyncio.create_task(found.answer([item("hold")], deadline_s=30))
        await started(engine)
        late = await found.answer([item("late")], deadline_s=0.01)
        engine.go.set()
        await held
        return late, await found.answer([item(5)], deadline_s=30)

    late, after = asyncio.run(main())
    assert values(late) == ["deadline_passed"]
    assert values(after) == [10]
    assert engine.batches == [["hold"], [5]]
    found.close()


def test_a_queue_that_was_all_too_late_does_not_look_like_an_engine_that_hangs():
    engine = Engine()
    found = batcher(engine, wedged_s=0.2)

    async def main():
        held = asyncio.create_task(found.answer([item("hold")], deadline_s=30))
        await started(engine)
        await found.answer([item("late")], deadline_s=0.01)
        engine.go.set()
        await held
        while not found.idle:
            await asyncio.sleep(0)
        await asyncio.sleep(0.4)  # quiet for longer than an engine may take
        return await found.answer([item(5)], deadline_s=30)

    assert values(asyncio.run(main())) == [10]
    found.close()


def test_where_nothing_waits_a_request_of_any_length_has_room():
    engine = Engine()
    found = batcher(engine)
    assert values(asyncio.run(found.answer([item(1, length=5000)], deadline_s=30))) == [2]
    found.close()


def test_what_a_client_left_is_not_worked_on():
    engine = Engine()
    found = batcher(engine)

    async def main():
        held = asyncio.create_task(found.answer([item("hold")], deadline_s=30))
        await started(engine)
        gone = asyncio.create_task(found.answer([item("gone")], deadline_s=30))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        engine.go.set()
        await held
        await found.answer([item(1)], deadline_s=30)

    asyncio.run(main())
    assert ["gone"] not in engine.batches
    found.close()


def test_closing_tells_those_who_wait():
    engine = Engine()
    found = batcher(engine)

    async def main():
        held = asyncio.create_task(found.answer([item("hold")], deadline_s=30))
        await started(engine)
        waiting = asyncio.create_task(found.answer([item(1)], deadline_s=30))
        await asyncio.sleep(0)
        found.close()
        engine.go.set()
        with pytest.raises(Problem, match="ending"):
            await found.answer([item(2)], deadline_s=30)
        return await held, await waiting

    held, waiting = asyncio.run(main())
    assert (values(held), values(waiting)) == (["holdhold"], ["draining"])
    found.join(30)


@given(st.lists(st.integers(1, 50), max_size=30), st.integers(1, 8), st.integers(1, 120), st.floats(1.0, 3.0))
def test_a_batch_keeps_to_its_limits_and_loses_nothing(lengths, items, tokens, padded):
    found = object.__new__(Batcher)
    found._batch_items, found._batch_tokens, found._most_padded = items, tokens, padded
    entries = [_Entry(item(place, length), None, None, 0.0) for place, length in enumerate(lengths)]
    batch, rest = found._cut(list(entries))
    assert sorted(entry.item.values for entry in [*batch, *rest]) == list(range(len(lengths)))
    assert rest == sorted(rest, key=lambda entry: entry.item.values)
    if lengths:
        assert batch[0] is entries[0]  # the oldest never waits for a better fit
        assert len(batch) <= items
        lengths_in = [entry.item.length for entry in batch]
        assert len(batch) == 1 or max(lengths_in) * len(batch) <= min(tokens, padded * sum(lengths_in))
