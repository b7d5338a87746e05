"""1,000 runs of the parallel example with a model that answers at once, against two other engines.

langgraph and pydantic-graph play the same graph, ask the same model, and must come to the same
answers, in one process and in alternating rounds: one run after the other, then 32 at once. They
come with `uv pip install --group bench`; without them only our figures are printed.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Mapping

from parallel_example import Echo, Player, ours, plainly
from support import median, show

RUNS = 1000
PROMPTS = 4  # of a run
ROUNDS = 5
AT_ONCE = 32
BOUND = 2.0


async def one_by_one(play: Player, contents: list[str]) -> list[str]:
    return [await play(content) for content in contents]


async def at_once(play: Player, contents: list[str]) -> list[str]:
    answers = [""] * len(contents)
    left = iter(enumerate(contents))

    async def worker() -> None:
        for number, content in left:
            answers[number] = await play(content)

    await asyncio.gather(*[worker() for _ in range(AT_ONCE)])
    return answers


Way = Callable[[Player, list[str]], Awaitable[list[str]]]
WAYS: Mapping[str, Way] = {"in turn": one_by_one, f"{AT_ONCE} at once": at_once}


async def compared(players: Mapping[str, Player], way: Way) -> dict[str, list[float]]:
    """Return the prompts a second of each, round by round; a first round warms up."""
    provider = Echo()
    rates: dict[str, list[float]] = {name: [] for name in players}
    for number in range(ROUNDS + 1):
        contents = [f"What run {n} of round {number} is about. " * 8 for n in range(RUNS)]
        expected = [await plainly(provider, content) for content in contents]
        for name, play in players.items():
            gc.collect()  # nobody tidies up after another
            started = time.perf_counter()
            answers = await way(play, contents)
            rates[name].append(RUNS * PROMPTS / (time.perf_counter() - started))
            assert answers == expected, name
    return {name: each[1:] for name, each in rates.items()}


def players() -> dict[str, Player]:
    provider = Echo()
    found = {"ours": ours(provider)}
    try:
        import other_engines
    except ModuleNotFoundError as error:
        print(f"Nothing to compare with: {error}. uv pip install --group bench")
    else:
        found["langgraph"] = other_engines.langgraph(provider)
        found["pydantic-graph"] = other_engines.pydantic_graph(provider)
    return found


def tell(way: str, rates: dict[str, list[float]]) -> None:
    for name, each in rates.items():
        show(f"{way}: {name}, prompts a second", median(each), "(no bound)", ok=True)
    mine = rates.pop("ours")
    for name, each in rates.items():
        ratio = median([one / other for one, other in zip(mine, each, strict=True)])
        show(f"{way}: ours / {name}", ratio, f">= {BOUND}", ok=ratio >= BOUND)


async def main() -> None:
    contenders = players()
    for name, way in WAYS.items():
        tell(name, await compared(contenders, way))


if __name__ == "__main__":
    asyncio.run(main())
