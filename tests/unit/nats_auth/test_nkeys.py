"""NKeys in NATS's own spelling: what the `nkeys` library of producers reads and makes is what we read and make."""

import nkeys
import pytest

from infra.nats_auth.nkeys import KeyPair, Kind, NKeyError

# The pair of NATS's own documentation of NKey authentication.
SEED = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
PUBLIC = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"


def test_a_seed_has_its_known_public_key() -> None:
    ours = KeyPair.from_seed(SEED)
    assert ours.public == PUBLIC
    assert ours.seed == SEED
    assert ours.kind is Kind.USER


@pytest.mark.parametrize(("kind", "letter"), [(Kind.OPERATOR, "O"), (Kind.ACCOUNT, "A"), (Kind.USER, "U")])
def test_what_is_made_here_the_library_reads(kind: Kind, letter: str) -> None:
    ours = KeyPair.new(kind)
    theirs = nkeys.from_seed(bytearray(ours.seed.encode()))
    assert ours.public.startswith(letter)
    assert theirs.public_key.decode() == ours.public
    assert theirs.verify(b"nonce", ours.sign(b"nonce"))
    assert KeyPair.from_seed(f" {ours.seed}\n") == ours


@pytest.mark.parametrize(
    "text", ["", "S", "not base32!", SEED[:-1], f"{SEED[:20]}A{SEED[21:]}", PUBLIC, f"SX{SEED[2:]}"]
)
def test_what_is_no_seed_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(NKeyError) as refused:
        KeyPair.from_seed(text)
    assert text not in str(refused.value) or len(text) < 2


def test_a_derived_key_is_the_same_each_time_and_another_for_each_purpose() -> None:
    operator = KeyPair.new(Kind.OPERATOR)
    assert operator.derive(Kind.ACCOUNT, "tenant a") == operator.derive(Kind.ACCOUNT, "tenant a")
    others = {
        operator.derive(Kind.ACCOUNT, "tenant a").public,
        operator.derive(Kind.ACCOUNT, "tenant b").public,
        KeyPair.new(Kind.OPERATOR).derive(Kind.ACCOUNT, "tenant a").public,
    }
    assert len(others) == 3


def test_a_secret_is_not_shown() -> None:
    assert SEED not in repr(KeyPair.from_seed(SEED))
    assert "secret" not in repr(KeyPair.from_seed(SEED))
