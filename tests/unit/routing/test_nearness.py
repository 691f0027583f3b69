"""Which of a prompt's texts are compared with confidential stores."""

import pytest

from contracts.retrieval import MOST_TEXTS
from workers.routing.nearness import texts_of

CHAT, RESPONSES, MESSAGES, EMBEDDINGS = (
    "openai.chat_completions",
    "openai.responses",
    "anthropic.messages",
    "openai.embeddings",
)


@pytest.mark.parametrize(
    ("api", "request_", "texts"),
    [
        (CHAT, {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]}, ("u", "s")),
        (CHAT, {"messages": [{"role": "tool", "content": "found in the plan"}]}, ("found in the plan",)),
        (RESPONSES, {"input": "u", "instructions": "i"}, ("u", "i")),
        (RESPONSES, {"input": [{"type": "function_call_output", "output": "o"}]}, ("o",)),
        (
            MESSAGES,
            {
                "system": [{"type": "text", "text": "s"}],
                "messages": [
                    {"role": "user", "content": [{"type": "tool_result", "content": [{"type": "text", "text": "r"}]}]}
                ],
            },
            ("r", "s"),
        ),
        (EMBEDDINGS, {"input": ["a", "b"]}, ("a", "b")),
        (EMBEDDINGS, {"input": [[1, 2]]}, ()),
        (CHAT, {"messages": [{"role": "user", "content": " "}]}, ()),
    ],
)
def test_whatever_a_prompt_says_is_compared_the_newest_first(
    api: str, request_: dict[str, object], texts: tuple[str, ...]
):
    assert texts_of(api, request_) == texts


def test_a_long_text_is_compared_piece_by_piece():
    text = "".join(f"{number:04}" for number in range(600))
    pieces = texts_of(CHAT, {"messages": [{"role": "user", "content": text}]})
    assert "".join(pieces) == text
    assert max(map(len, pieces)) == 1000


def test_there_is_an_end_to_it():
    assert len(texts_of(CHAT, {"messages": [{"role": "user", "content": "x" * 1_000_000}]})) == MOST_TEXTS
