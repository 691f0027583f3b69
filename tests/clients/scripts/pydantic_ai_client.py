"""pydantic-ai over each API: an agent with a tool, and a stream."""

import asyncio
import os

from pydantic_ai import Agent
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider
from report import ANSWER, PROMPT, report

API, KEY, MODEL = os.environ["API"], os.environ["KEY"], os.environ["MODEL"]


async def main() -> None:
    openai = OpenAIProvider(base_url=f"{API}/v1", api_key=KEY)
    models = {
        "chat": OpenAIChatModel(MODEL, provider=openai),
        "responses": OpenAIResponsesModel(MODEL, provider=openai),
        "messages": AnthropicModel(MODEL, provider=AnthropicProvider(base_url=API, api_key=KEY)),
    }
    agent = Agent(models[os.environ["FRONT"]])
    calls: list[str] = []

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """The weather in a city."""
        calls.append(city)
        return ANSWER

    told = await agent.run(PROMPT)
    async with agent.run_stream("Hi") as stream:
        parts = [part async for part in stream.stream_text(delta=True)]
    report(calls=len(calls), told=told.output, streamed="".join(parts))


asyncio.run(main())
