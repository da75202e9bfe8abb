"""Who gets in, over HTTP through the proxy."""

from __future__ import annotations

import pytest


def test_the_first_sign_in_claims_the_name_and_shows_a_code_once(hub, browser):
    ana = browser()
    code = ana.claim("ana", hub.password)
    assert len(code) == 9
    assert ana.who() == "ana"
    again = ana.client.get("/hub/return-code")
    assert again.status_code == 302
    assert code not in again.text
    assert code not in hub.log("hub")
