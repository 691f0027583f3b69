"""LlamaIndex's OpenAILike: one tool loop and one stream."""

import os

from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike
from report import ANSWER, PROMPT, report

API, KEY, MODEL = os.environ["API"], os.environ["KEY"], os.environ["MODEL"]


def get_weather(city: str) -> str:
    """The weather in a city."""
    return ANSWER


llm = OpenAILike(model=MODEL, api_base=f"{API}/v1", api_key=KEY, is_chat_model=True, is_function_calling_model=True)
tool = FunctionTool.from_defaults(get_weather)
asked = llm.chat_with_tools([tool], user_msg=PROMPT)
calls = llm.get_tool_calls_from_response(asked)
history = [ChatMessage(role="user", content=PROMPT), asked.message]
for call in calls:
    said = {"tool_call_id": call.tool_id}
    history.append(ChatMessage(role="tool", content=tool(**call.tool_kwargs).content, additional_kwargs=said))
told = llm.chat_with_tools([tool], chat_history=history)
streamed = "".join(part.delta or "" for part in llm.stream_chat([ChatMessage(role="user", content="Hi")]))
report(calls=len(calls), told=told.message.content, streamed=streamed)
