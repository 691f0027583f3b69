"""What a request is like, whichever API it is of."""

import pytest

from infra.catalog.conditions import FIELDS
from workers.routing.facts import facts_of, facts_of_prompt
from workers.routing.language import language_of

CHAT, RESPONSES, MESSAGES = "openai.chat_completions", "openai.responses", "anthropic.messages"
PICTURE = {"type": "input_image", "image_url": "http://x/"}


@pytest.mark.parametrize(
    ("api", "request_"),
    [
        (CHAT, {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "where is it"}]}),
        (
            MESSAGES,
            {"system": "s", "messages": [{"role": "user", "content": [{"type": "text", "text": "where is it"}]}]},
        ),
        (RESPONSES, {"input": "where is it", "instructions": "s"}),
        (RESPONSES, {"input": [{"role": "user", "content": [{"type": "input_text", "text": "where is it"}]}]}),
    ],
)
def test_the_text_is_the_users_newest(api: str, request_: dict[str, object]):
    facts = facts_of(api, request_, {})
    assert (facts.text, facts.before, facts.turns, facts.length) == ("where is it", "", 1, 11)


def test_the_text_before_it_is_known_too():
    turns = [("user", "Write a sort in C"), ("assistant", "Here it is."), ("user", "and faster?")]
    request = {"messages": [{"role": role, "content": content} for role, content in turns]}
    facts = facts_of(CHAT, request, {})
    assert (facts.text, facts.before, facts.turns) == ("and faster?", "Write a sort in C", 2)


def test_what_a_model_must_be_able_to_do_is_found():
    schema = {"text": {"format": {"type": "json_schema", "name": "n", "schema": {}}}}
    facts = facts_of(RESPONSES, {"input": [{"role": "user", "content": [PICTURE]}], "tools": [{}, {}], **schema}, {})
    assert (facts.tools, facts.images, facts.needs) == (2, 1, {"tools", "images", "json_schema"})
    assert facts_of_prompt("hi").needs == frozenset()


def test_every_field_that_a_condition_may_ask_is_there():
    told = {"tenant": "t", "lane": "batch", "api": CHAT, "model": "auto", "stream": False}
    assert facts_of_prompt("hi", told).fields().keys() == FIELDS.keys()


@pytest.mark.parametrize(
    ("text", "code", "maths"),
    [
        ("def f(x):\n    return x", True, False),
        ("```\nls -l\n```", True, False),
        ("where is my order", False, False),
        ("Solve the equation x^2 = 4", False, True),
    ],
)
def test_code_and_mathematics_are_seen(text: str, code: bool, maths: bool):
    fields = facts_of_prompt(text).fields()
    assert (fields["has_code"], fields["has_maths"]) == (code, maths)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Where can I find the invoice for this month?", "en"),
        ("Wo finde ich die Rechnung und was muss ich zahlen?", "de"),
        ("Comment puis-je annuler ma commande dans les temps ?", "fr"),
        ("¿Cómo puedo cancelar el pedido que hice?", "es"),
        ("どこで注文を見られますか", "ja"),
        ("我的订单在哪里", "zh"),
        ("где мой заказ", "ru"),
        ("12345", "und"),
        ("", "und"),
    ],
)
def test_the_language_is_guessed(text: str, language: str):
    assert language_of(text) == language
