"""Names of deliveries, and signatures of those who ask."""

from __future__ import annotations

from divebell.following.signatures import LATE_SECONDS, asks_rightly, delivery, sign

NOW = 1_800_000_000.0


def test_a_delivery_without_a_usable_name_is_named_after_its_body() -> None:
    assert delivery({"X-GitHub-Delivery": "72d3162e"}, b"\1" * 32) == "72d3162e"
    for name in ("", "a b", "x" * 101, "ümlaut"):
        assert delivery({"X-GitHub-Delivery": name}, b"\1" * 32) == "01" * 32
    assert delivery({}, b"\1" * 32) == "01" * 32


def test_a_signature_holds_for_one_path_and_some_minutes() -> None:
    def headers(at: float) -> dict[str, str]:
        return {"X-Divebell-Time": f"{at:.0f}", "X-Divebell-Signature": sign("key", "/a", int(at))}

    for late in (-LATE_SECONDS, 0.0, LATE_SECONDS):
        assert asks_rightly("key", "/a", headers(NOW + late), NOW)
    assert not asks_rightly("key", "/a", headers(NOW + LATE_SECONDS + 1), NOW)
    assert not asks_rightly("key", "/b", headers(NOW), NOW)
    assert not asks_rightly("other", "/a", headers(NOW), NOW)
    assert not asks_rightly("key", "/a", headers(NOW) | {"X-Divebell-Time": "1e9"}, NOW)
