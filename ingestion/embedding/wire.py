"""A text's vector in a message's header: computed once a request, for every stage that needs it."""

import binascii
from base64 import b64decode, b64encode

import numpy as np

from ingestion.embedding.model import Vectors, unit

_HALF = np.dtype("<f2")


def encode_vector(vector: Vectors) -> str:
    """Half precision in base64: 684 characters for 256 numbers. A cosine changes in its fourth digit at most."""
    return b64encode(np.asarray(vector, _HALF).tobytes()).decode("ascii")


def decode_vector(header: str, dimension: int) -> Vectors | None:
    """The vector again, at length 1; None for what is no vector of that dimension."""
    try:
        raw = b64decode(header, validate=True)
        if len(raw) != dimension * _HALF.itemsize:
            return None
        vector: Vectors = unit(np.frombuffer(raw, _HALF)[None, :])[0]
    except (binascii.Error, ValueError):
        return None
    return vector
