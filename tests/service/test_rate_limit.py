"""How many requests a principal may send."""

from rosetta_hub.web.rate_limit import WINDOW, RateLimit


class Clock:
    """A time that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_gets_empty_and_refills() -> None:
    clock = Clock()
    limit = RateLimit(6, clock)
    quotas = [limit.count("alice") for _ in range(6)]
    assert [quota.left for quota in quotas] == [5, 4, 3, 2, 1, 0]
    assert {quota.wait for quota in quotas} == {0}
    refused = limit.count("alice")
    assert (refused.left, refused.wait, refused.full) == (0, 10, 60)
    # Refused requests cost nothing: the principal does not wait longer because of them.
    assert limit.count("alice").wait == 10
    clock.now += 9
    assert limit.count("alice").wait == 1
    clock.now += 1
    assert limit.count("alice").wait == 0
    assert limit.count("alice").wait == 10
    clock.now += WINDOW
    assert limit.count("alice").left == 5


def test_principals_have_buckets_of_their_own() -> None:
    limit = RateLimit(1, Clock())
    assert limit.count("alice").wait == 0
    assert limit.count("alice").wait == 60
    assert limit.count("bob").wait == 0


def test_a_steady_pace_is_never_refused() -> None:
    clock = Clock()
    limit = RateLimit(1200, clock)
    for _ in range(5000):
        assert limit.count("alice").wait == 0
        clock.now += WINDOW / 1200


def test_principals_are_forgotten_when_their_buckets_are_full() -> None:
    clock = Clock()
    limit = RateLimit(2, clock)
    for number in range(3000):
        limit.count(f"user{number}")
        clock.now += 1
    assert len(limit._full_at) < 1100


def test_headers_name_the_policy_and_what_is_left() -> None:
    limit = RateLimit(2, Clock())
    assert limit.count("alice").headers() == {
        "RateLimit-Policy": '"requests";q=2;w=60',
        "RateLimit": '"requests";r=1;t=30',
    }
    limit.count("alice")
    assert limit.count("alice").headers() == {
        "RateLimit-Policy": '"requests";q=2;w=60',
        "RateLimit": '"requests";r=0;t=60',
        "Retry-After": "30",
    }
