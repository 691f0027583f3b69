"""The pure parts of the index: which segments merge, how a search goes, what is remembered, what is sent in binary."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pgvector import HalfVector as TheirHalfVector

from contracts.errors import ErrorCode, PenstockError
from infra.index.binary_copy import binaries, copy_of, fixed, integers, optional_integers, same, texts
from infra.index.found import Hits, hits_of_packed, hits_of_rows, recall
from infra.index.postings import TermPostings
from infra.index.postings_cache import PostingsCache
from infra.index.scan import EXACT, EXACT_BELOW, Scan, plan
from infra.index.storable import storable
from infra.index.tiers import FAN_OUT, segments_to_merge
from infra.index.vectors import HalfVector, from_halfvec, to_halfvec, unit
from infra.index.version import IndexVersion, VersionState
from infra.index.version_tables import about, create_tables
from tests.support.index import document_chunks


class TestSegmentsToMerge:
    def test_a_few_are_left_alone(self):
        assert segments_to_merge(dict.fromkeys(range(FAN_OUT - 1), 5), live=5 * (FAN_OUT - 1)) == ()

    def test_many_of_a_size_become_one(self):
        sizes = dict.fromkeys(range(FAN_OUT), 5) | {99: 10_000}
        assert segments_to_merge(sizes, live=sum(sizes.values())) == tuple(range(FAN_OUT))

    def test_smaller_ones_go_along(self):
        sizes = {1: 1} | dict.fromkeys(range(10, 10 + FAN_OUT), 100) | {99: 100_000}
        assert segments_to_merge(sizes, live=sum(sizes.values())) == (1, *range(10, 10 + FAN_OUT))

    def test_where_much_is_deleted_everything_is_merged(self):
        assert segments_to_merge({1: 100, 2: 5}, live=85) == ()
        assert segments_to_merge({1: 100, 2: 5}, live=80) == (1, 2)
        assert segments_to_merge({1: 100}, live=0) == (1,)

    def test_nothing_is_nothing_to_do(self):
        assert segments_to_merge({}, live=0) == ()

    @given(st.lists(st.integers(1, 50), min_size=1, max_size=300))
    def test_a_posting_is_written_again_once_a_tier_and_few_segments_are_left(self, batches: list[int]):
        sizes: dict[int, int] = {}
        rewritten = 0
        for number, batch in enumerate(batches):
            sizes[number] = batch
            while chosen := segments_to_merge(sizes, live=sum(sizes.values())):
                merged = sum(sizes.pop(segment) for segment in chosen)
                rewritten += merged
                sizes[number] = merged
        tiers = len(np.base_repr(sum(batches), FAN_OUT))
        assert len(sizes) < FAN_OUT * tiers
        assert rewritten <= tiers * sum(batches)


class TestPlan:
    def test_few_chunks_are_compared_one_by_one(self):
        assert plan(EXACT_BELOW, 10, 100) == EXACT

    def test_many_are_too_while_there_is_no_graph(self):
        assert plan(1_000_000, 10, None) == EXACT

    def test_without_a_filter_the_graph_is_walked_with_the_effort_it_was_tuned_to(self):
        assert plan(100_000, 10, 160) == Scan(160)

    def test_a_filter_that_few_pass_is_searched_exactly(self):
        assert plan(100_000, 10, 100, share=0.01) == EXACT
        assert plan(100_000, 10, 100, share=0) == EXACT

    def test_a_filter_that_many_pass_takes_more_effort(self):
        assert plan(100_000, 100, 100, share=0.5) == Scan(200)
        assert plan(100_000, 10, 100, share=0.5) == Scan(200)
        assert plan(100_000, 10, 400, share=0.5) == Scan(400)

    def test_no_effort_is_above_what_pgvector_takes(self):
        assert plan(10_000_000, 1000, 100, share=0.1) == Scan(1000)


class TestPostingsCache:
    def postings(self, count: int) -> TermPostings:
        return TermPostings(np.arange(count, dtype=np.int32), *(np.ones(count, np.uint16) for _ in range(2)))

    def test_frequent_terms_are_held(self):
        cache, common = PostingsCache(1_000_000), self.postings(1000)
        cache.keep(1, {("the", 1): common, ("the", 5): common, ("rare", 1): self.postings(3)})
        assert cache.held(1, ["the", "rare", "new"]) == {("the", 1): common, ("the", 5): common}

    def test_versions_have_nothing_in_common(self):
        cache = PostingsCache(1_000_000)
        cache.keep(1, {("the", 1): self.postings(1000)})
        assert cache.held(2, ["the"]) == {}

    def test_what_was_merged_away_is_forgotten(self):
        cache, merged = PostingsCache(1_000_000), self.postings(2000)
        cache.keep(1, {("the", 1): self.postings(1000), ("the", 5): self.postings(1000)})
        cache.keep(1, {("the", 9): merged})
        assert cache.held(1, ["the"]) == {("the", 9): merged}

    def test_the_least_lately_used_go_first(self):
        one = self.postings(1000)
        cache = PostingsCache(3 * one.nbytes)
        for term in "abc":
            cache.keep(1, {(term, 1): one})
        cache.held(1, ["a"])
        cache.keep(1, {("d", 1): one})
        assert [term for term, _ in cache.held(1, "abcd")] == ["a", "c", "d"]

    def test_a_limit_of_0_holds_nothing(self):
        cache = PostingsCache(0)
        cache.keep(1, {("the", 1): self.postings(1000)})
        assert cache.held(1, ["the"]) == {}


class TestVectors:
    def test_each_has_the_length_1_whatever_it_had(self):
        large = np.array([[3e38, 3e38], [1e-40, 0], [0, 0]], np.float32)
        assert np.allclose(unit(large), [[0.5**0.5, 0.5**0.5], [1, 0], [0, 0]])
        assert unit(np.zeros((0, 4))).shape == (0, 4)

    def test_binary_is_what_pgvector_s_own_client_sends(self):
        vectors = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
        framed = [row.tobytes() for row in to_halfvec(vectors)]
        assert framed == [TheirHalfVector(vector).to_binary() for vector in vectors]
        assert np.array_equal(from_halfvec(framed), vectors.astype(np.float16))
        assert from_halfvec([]).shape == (0, 0)

    def test_a_query_s_vector_is_sent_at_length_1(self):
        assert HalfVector(np.array([0.0, 2.0])).framed == TheirHalfVector([0.0, 1.0]).to_binary()


class TestBinaryCopy:
    def test_rows_are_framed_as_the_manual_says(self):
        columns = (
            integers([1, -2]),
            same("ä"),
            texts(["x", None]),
            binaries([b"", b"\xff"]),
            optional_integers([None, 7]),
            fixed(np.array([[1, 2], [3, 4]], np.uint8)),
        )
        null, header = struct.pack(">i", -1), b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)

        def row(*fields: bytes) -> bytes:
            return struct.pack(">h", 6) + b"".join(fields)

        def field(value: bytes) -> bytes:
            return struct.pack(">i", len(value)) + value

        first = row(field(struct.pack(">i", 1)), field("ä".encode()), field(b"x"), field(b""), null, field(b"\1\2"))
        seven = struct.pack(">i", 7)
        second = row(
            field(struct.pack(">i", -2)), field("ä".encode()), null, field(b"\xff"), field(seven), field(b"\3\4")
        )
        assert copy_of(columns) == header + first + second + struct.pack(">h", -1)

    @given(st.text(alphabet=st.characters(exclude_categories=())))
    def test_any_text_can_be_stored_and_keeps_its_offsets(self, text: str):
        stored = storable(text)
        assert len(stored) == len(text)
        assert "\0" not in stored
        stored.encode()

    def test_what_can_be_stored_is_as_it_was(self):
        assert storable("plain, ü and 😀") == "plain, ü and 😀"


class TestHits:
    def test_the_nearest_come_first_and_as_many_as_asked_for(self):
        hits = hits_of_rows([(3, 0.5), (1, 0.25), (2, 1.0)], 2)
        assert hits.ids.tolist() == [1, 3]
        assert hits.scores.tolist() == [0.75, 0.5]

    def test_a_vector_of_zeros_is_no_hit(self):
        assert hits_of_rows([(1, float("nan")), (2, 0.5)], 2).ids.tolist() == [2]
        packed = np.array([np.nan, 0.5], ">f4").tobytes()
        assert hits_of_packed(np.array([1, 2], np.int32), [packed], 2).ids.tolist() == [2]

    def test_recall_is_the_share_of_the_true_hits(self):
        truth = [Hits(np.arange(4, dtype=np.int32), np.array([0.9, 0.8, 0.7, 0.6], np.float32))]
        half = [Hits(np.array([0, 3, 8, 9], np.int32), np.array([0.9, 0.6, 0.1, 0.1], np.float32))]
        assert recall(truth, truth) == 1
        assert recall(half, truth) == 0.5
        assert recall([Hits.none()], truth) == 0
        assert recall([Hits.none()], [Hits.none()]) == 1

    def test_others_that_are_as_near_count(self):
        alike = np.full(3, 0.5, np.float32)
        assert recall([Hits(np.array([4, 5, 6], np.int32), alike)], [Hits(np.array([1, 2, 3], np.int32), alike)]) == 1


class TestDocumentChunks:
    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"model": "other"}, "embedded by other 1"),
            ({"revision": "2"}, "embedded by words 2"),
            ({"embeddings": np.ones((1, 8))}, "vectors of 16"),
            ({"embeddings": np.ones((2, 16))}, "1 chunks"),
            ({"embeddings": np.full((1, 16), np.nan)}, "not finite"),
        ],
    )
    def test_what_does_not_fit_an_index_is_refused_by_name(self, fields: dict[str, object], reason: str):
        with pytest.raises(PenstockError, match=reason) as raised:
            document_chunks("d1", "text", **fields).require_fit("words", "1", 16)
        assert (raised.value.code, raised.value.param) == (ErrorCode.INVALID_REQUEST, "d1")

    def test_a_document_without_chunks_fits(self):
        document_chunks("d1").require_fit("words", "1", 16)


def test_only_a_number_can_be_part_of_a_table_s_name():
    assert about("SELECT 1 FROM {chunks}, {postings}", 7).as_string() == 'SELECT 1 FROM "chunks_7", "postings_7"'
    with pytest.raises(ValueError, match="format code"):
        about("SELECT 1 FROM {chunks}", '1"; DROP TABLE documents; --')  # type: ignore[arg-type]


def test_a_tenant_s_name_is_quoted_in_its_tables():
    assert "tenant_id = 'it''s'" in create_tables(1, "it's", 16).as_string()


def test_an_average_of_nothing_is_0():
    fields = dict.fromkeys(IndexVersion.__slots__) | {"state": VersionState.BUILDING, "chunks": 0, "total_length": 0}
    assert IndexVersion(**fields).average_length == 0  # type: ignore[arg-type]
