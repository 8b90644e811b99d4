"""The cache is bounded and keeps what was used last."""

from backend.cache import Cache


def test_least_recently_used_goes_first() -> None:
    cache: Cache[str] = Cache(2)
    cache.put("a", "A")
    cache.put("b", "B")
    assert cache.get("a") == "A"
    cache.put("c", "C")
    assert [cache.get(key) for key in "abc"] == ["A", None, "C"]
    assert len(cache) == 2


def test_sizes_add_up_to_the_capacity_at_most() -> None:
    cache: Cache[str] = Cache(10)
    cache.put("a", "A", size=6)
    cache.put("a", "again", size=4)
    cache.put("b", "B", size=6)
    assert [cache.get(key) for key in "ab"] == ["again", "B"]
    cache.put("c", "C", size=5)
    assert [cache.get(key) for key in "abc"] == [None, None, "C"]


def test_what_is_larger_than_all_is_not_held() -> None:
    cache: Cache[str] = Cache(3)
    cache.put("a", "A", size=4)
    assert cache.get("a") is None
    cache.put("b", "B", size=3)
    assert cache.get("b") == "B"


def test_discarded_value_makes_room() -> None:
    cache: Cache[str] = Cache(2)
    cache.put("a", "A", size=2)
    cache.discard("a")
    cache.discard("a")
    cache.put("b", "B")
    cache.put("c", "C")
    assert [cache.get(key) for key in "abc"] == [None, "B", "C"]
