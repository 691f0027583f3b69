"""What a provider can't be asked: a 400 that names the field, unless the caller says that it may be dropped."""

from collections.abc import Mapping

import pytest

from tests.e2e.sdk.front import Front
from tests.e2e.sdk.matrix import behaviour, together
from tests.e2e.sdk.oracle import expected

pytestmark = together
WAYS_TO_SAY_SO: tuple[Mapping[str, Mapping[str, object]], ...] = (
    {"headers": {"x-penstock-drop-params": "true"}},
    {"more": {"drop_params": True}},
)


@behaviour
async def test_it_is_refused_by_its_name_where_it_cannot_be_asked(front: Front, question: str) -> None:
    for field, (value, cannot) in front.unsupported.items():
        prompt = front.prompt(f"{field}: {question}", more={field: value})
        for way in (front.whole, front.helper):
            if front.cell.kind not in cannot:
                assert (await way(prompt)).text == expected(prompt)[0]
                continue
            with pytest.raises(front.sdk.BadRequestError) as raised:
                await way(prompt)
            said = front.told(raised.value)
            assert said.message.startswith(field)
            assert "drop_params" in said.message
            assert said.param == (field if front.names_fields else None)


@behaviour
async def test_it_is_dropped_where_the_caller_says_so(front: Front, question: str) -> None:
    for number, said in enumerate(WAYS_TO_SAY_SO):
        more = {field: value for field, (value, _) in front.unsupported.items()}
        prompt = front.prompt(
            f"{number}: {question}", more={**more, **said.get("more", {})}, headers=said.get("headers", {})
        )
        for way in (front.whole, front.helper):
            answer = await way(prompt)
            assert (answer.text, answer.stop) == (expected(prompt)[0], "end")
