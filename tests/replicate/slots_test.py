import asyncio

import pytest

from understudy.replicate.slots import Slots


async def test_no_more_than_that_many_hold_a_slot() -> None:
    slots, held, most = Slots(3), 0, 0

    async def work() -> None:
        nonlocal held, most
        async with slots.turn():
            held += 1
            most = max(most, held)
            await asyncio.sleep(0)
            held -= 1

    await asyncio.gather(*(work() for _ in range(20)))
    assert (held, most) == (0, 3)


async def test_what_others_wait_for_goes_first_and_equals_in_their_order() -> None:
    slots, served = Slots(1), []
    gate = asyncio.Event()

    async def hold() -> None:
        async with slots.turn():
            await gate.wait()

    async def work(name: str, priority: int) -> None:
        async with slots.turn(priority):
            served.append(name)

    first = asyncio.create_task(hold())
    await asyncio.sleep(0)
    waiting = [("file 1", 2), ("file 2", 2), ("store", 1), ("assistant", 0), ("file 3", 2)]
    others = [asyncio.create_task(work(*each)) for each in waiting]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(first, *others)
    assert served == ["assistant", "store", "file 1", "file 2", "file 3"]


@pytest.mark.parametrize("handed_over", [False, True])
async def test_who_gives_up_waiting_takes_no_slot_along(handed_over: bool) -> None:
    slots, gate = Slots(1), asyncio.Event()

    async def hold() -> None:
        async with slots.turn():
            await gate.wait()

    async def work() -> None:
        async with slots.turn():
            pass

    first = asyncio.create_task(hold())
    await asyncio.sleep(0)
    quitter, patient = asyncio.create_task(work()), asyncio.create_task(work())
    await asyncio.sleep(0)
    if handed_over:
        gate.set()
        await first
        quitter.cancel()
    else:
        quitter.cancel()
        gate.set()
    await asyncio.wait_for(patient, 5)
    await asyncio.gather(first, quitter, return_exceptions=True)
    await asyncio.wait_for(work(), 5)
