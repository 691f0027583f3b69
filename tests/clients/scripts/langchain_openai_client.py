"""LangChain's ChatOpenAI: one tool loop and one stream."""

import os

from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from report import ANSWER, PROMPT, report


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return ANSWER


model = ChatOpenAI(
    model=os.environ["MODEL"], base_url=f"{os.environ['API']}/v1", api_key=os.environ["KEY"], max_retries=0
)
messages = [HumanMessage(PROMPT)]
asked = model.bind_tools([get_weather]).invoke(messages)
messages += [asked, *(get_weather.invoke(call) for call in asked.tool_calls)]
told = model.bind_tools([get_weather]).invoke(messages)
report(
    calls=len(asked.tool_calls), told=str(told.content), streamed="".join(str(c.content) for c in model.stream("Hi"))
)
