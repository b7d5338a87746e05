"""The parallel example in langgraph and in pydantic-graph, as their guides write such a graph.

Both are built once. Neither keeps checkpoints or tells a tracer, which would cost them time.
"""

from __future__ import annotations

import operator
from collections.abc import Awaitable, Callable
from typing import Annotated, TypedDict

from langgraph.graph import END, START, StateGraph
from pydantic_graph import GraphBuilder, StepContext, reduce_dict_update

from parallel_example import ANALYSES, Player, asked
from understudy.providers.base import Provider


class State(TypedDict, total=False):
    """What langgraph hands from node to node."""

    content: str
    analyses: Annotated[dict[str, str], operator.or_]
    synthesis: str


def langgraph(provider: Provider) -> Player:
    """Return how langgraph plays it: edges to three nodes and from them, a state with a reducer."""

    def analyst(name: str) -> Callable[[State], Awaitable[State]]:
        async def analyze(state: State) -> State:
            return {"analyses": {name: await asked(provider, name, content=state["content"])}}

        return analyze

    async def synthesis(state: State) -> State:
        return {"synthesis": await asked(provider, "synthesis", **state["analyses"])}

    builder = StateGraph(State)
    builder.add_node("synthesis", synthesis)
    for name in ANALYSES:
        builder.add_node(name, analyst(name))
        builder.add_edge(START, name)
        builder.add_edge(name, "synthesis")
    builder.add_edge("synthesis", END)
    graph = builder.compile()

    async def play(content: str) -> str:
        done = await graph.ainvoke({"content": content})
        return str(done["synthesis"])

    return play


def pydantic_graph(provider: Provider) -> Player:
    """Return how pydantic-graph plays it: a broadcast to three steps, a join with a reducer."""
    builder = GraphBuilder(name="analyzer", input_type=str, output_type=str, auto_instrument=False)

    def analyst(name: str) -> Callable[[StepContext[None, None, str]], Awaitable[dict[str, str]]]:
        async def analyze(ctx: StepContext[None, None, str]) -> dict[str, str]:
            return {name: await asked(provider, name, content=ctx.inputs)}

        return analyze

    async def synthesize(ctx: StepContext[None, None, dict[str, str]]) -> str:
        return await asked(provider, "synthesis", **ctx.inputs)

    analyses = [builder.step(analyst(name), node_id=name) for name in ANALYSES]
    synthesis = builder.step(synthesize, node_id="synthesis")
    together = builder.join(reduce_dict_update, initial_factory=dict[str, str])
    builder.add(
        builder.edge_from(builder.start_node).to(*analyses),
        builder.edge_from(*analyses).to(together),
        builder.edge_from(together).to(synthesis),
        builder.edge_from(synthesis).to(builder.end_node),
    )
    graph = builder.build()

    async def play(content: str) -> str:
        return str(await graph.run(inputs=content))

    return play
