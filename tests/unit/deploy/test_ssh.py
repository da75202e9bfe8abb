"""Why a server cannot be reached, in words."""

from __future__ import annotations

import pytest

from divebell.deploy.host import Host
from divebell.deploy.ssh import refusal

CHANGED = """\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
Host key verification failed.
"""


def test_a_changed_key_is_named_with_the_way_to_accept_it():
    error = refusal(Host("203.0.113.7", "root", 2222), CHANGED)
    assert "shows another key than last time" in error.message
    assert "ssh-keygen -R '[203.0.113.7]:2222'" in str(error)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("root@h: Permission denied (publickey).", "does not let this account in"),
        ("ssh: Could not resolve hostname h: Name or service not known", "no machine of the name h"),
        ("ssh: connect to host h port 22: Connection refused", "nothing listens for ssh"),
        ("ssh: connect to host h port 22: Connection timed out", "does not answer"),
        ("ssh: connect to host h port 22: No route to host", "no way to h"),
        ("something new", "cannot be reached: something new"),
        ("", "ssh said nothing"),
    ],
)
def test_each_refusal_has_its_words_and_a_next_step(said, words):
    error = refusal(Host("h"), said)
    assert words in error.message
    assert error.next_step


def test_what_ssh_says_beside_the_matter_is_left_out():
    said = "odd trouble\nWarning: Permanently added 'h' (ED25519) to the list of known hosts.\n"
    assert "odd trouble" in refusal(Host("h"), said).message
