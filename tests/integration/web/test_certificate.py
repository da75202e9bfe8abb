"""Ambassadors are told when the event's certificate is not the one it should have."""

from divebell.event import CertificateStanding
from signed_in import serving

STANDING = CertificateStanding(
    wanted="automatic",
    shown="self-signed",
    until="2027-12-29T16:48:35+00:00",
    names=("dive.example.org",),
    reason="the issuer finds no address for dive.example.org in DNS",
)


def test_ambassadors_alone_are_told_why_browsers_warn(cluster):
    cluster.state.certificate_file.write_text(STANDING.text())
    try:
        with serving(cluster) as site, site.client("maria") as maria, site.client("ana") as ana:
            assert "finds no address for dive.example.org in DNS" in maria.get("").text
            assert "dive.example.org" not in ana.get("").text
    finally:
        cluster.state.certificate_file.unlink()


def test_nobody_is_told_of_a_certificate_that_is_well(cluster):
    with serving(cluster) as site, site.client("maria") as maria:
        assert "certificate" not in maria.get("").text
