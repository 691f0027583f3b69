"""LangChain's ChatAnthropic: one tool loop and one stream."""

import os

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from report import ANSWER, PROMPT, report


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return ANSWER


model = ChatAnthropic(
    model=os.environ["MODEL"], base_url=os.environ["API"], api_key=os.environ["KEY"], max_tokens=512, max_retries=0
)
messages = [HumanMessage(PROMPT)]
asked = model.bind_tools([get_weather]).invoke(messages)
messages += [asked, *(get_weather.invoke(call) for call in asked.tool_calls)]
told = model.bind_tools([get_weather]).invoke(messages)
report(calls=len(asked.tool_calls), told=told.text, streamed="".join(chunk.text for chunk in model.stream("Hi")))
