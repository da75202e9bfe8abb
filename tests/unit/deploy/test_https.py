"""What the organiser's machine looks over or makes before a server is touched."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from divebell.deploy.https import bring
from divebell.deploy.tls.authority import keep_authority, keep_server, make_authority
from divebell.deploy.tls.own import own_pair
from divebell.deploy.tls.pair import Pair, common_name, read_pair
from divebell.errors import DivebellError
from divebell.event import State
from divebell.event.server import Https

NAME = "dive.example.org"
NOW = datetime(2026, 11, 27, 18, tzinfo=UTC)


@pytest.fixture
def authority():
    return make_authority("Housing loss DataDive", (NAME,), NOW)


@pytest.fixture
def own(tmp_path, authority):
    """Give the function that writes an own certificate and gives its two files."""

    def write(pair: Pair, *, chain=()):
        files = tmp_path / "chain.pem", tmp_path / "key.pem"
        files[0].write_bytes(replace(pair, chain=(*pair.chain, *chain)).chain_pem())
        files[1].write_bytes(pair.key_pem())
        return files

    return write


def told(chain, key, name=NAME, now=NOW):
    with pytest.raises(DivebellError) as refused:
        own_pair(chain, key, name, now)
    return refused.value.message


def test_an_own_certificate_that_is_well_is_taken(own, authority):
    chain, key = own(authority.sign((NAME,), NOW), chain=authority.pair.chain)
    pair = own_pair(chain, key, NAME, NOW)
    assert pair.names == (NAME,)
    assert len(pair.chain) == 2
    assert not pair.answers_for_itself


def test_one_for_all_names_of_a_domain_is_taken(own):
    wild = make_authority("A test", (NAME,), NOW).sign(("*.example.org",), NOW)
    chain, key = own(wild)
    assert own_pair(chain, key, NAME, NOW)
    assert "expected deep.dive.example.org" in told(chain, key, "deep.dive.example.org")


def test_another_key_is_named(own, authority, tmp_path):
    chain, _ = own(authority.sign((NAME,), NOW))
    other = tmp_path / "other.pem"
    other.write_bytes(authority.sign((NAME,), NOW).key_pem())
    assert told(chain, other) == f"{other} is not the key of the first certificate in {chain}"


def test_everything_wrong_is_told_at_once(own, authority):
    chain, key = own(authority.sign((NAME,), NOW))
    words = told(chain, key, "other.example.org", NOW + timedelta(days=500))
    assert f"is for {NAME}, expected other.example.org" in words
    assert "ran out on 2027-12-29" in words


def test_a_certificate_of_tomorrow_is_named(own, authority):
    chain, key = own(authority.sign((NAME,), NOW + timedelta(days=1)))
    assert "begins on 2026-11-28" in told(chain, key)


def test_a_chain_in_the_wrong_order_is_named(own, authority):
    stranger = make_authority("Another", (NAME,), NOW)
    chain, key = own(authority.sign((NAME,), NOW), chain=stranger.pair.chain)
    assert "does not vouch for the certificate above it" in told(chain, key)


def test_files_that_are_not_there_or_hold_something_else_are_named(own, authority, tmp_path):
    chain, key = own(authority.sign((NAME,), NOW))
    assert "cannot be read: No such file" in told(tmp_path / "nowhere.pem", key)
    assert "holds no certificate" in told(key, key)
    assert "holds no key" in told(chain, chain)


def test_a_key_with_a_passphrase_is_named(own, authority):
    pair = authority.sign((NAME,), NOW)
    chain, key = own(pair)
    locked = serialization.BestAvailableEncryption(b"a passphrase")
    key.write_bytes(
        pair.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    )
    assert "is locked with a passphrase" in told(chain, key)


def test_a_kind_of_key_that_browsers_do_not_take_is_named(tmp_path, authority):
    key = ed25519.Ed25519PrivateKey.generate()
    name = common_name(NAME)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=9))
        .sign(key, None)
    )
    files = tmp_path / "chain.pem", tmp_path / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    text = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    files[1].write_bytes(key.private_bytes(*text))
    assert "RSA and EC alone" in told(*files)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "authority"


def test_an_authority_is_made_once_and_stays(folder):
    first = keep_authority(folder, "A test", (NAME,), NOW)
    again = keep_authority(folder, "A test", (NAME,), NOW + timedelta(days=300))
    assert again.certificate == first.certificate == (folder / "authority.crt").read_bytes()
    assert (folder / "authority.pem").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_an_authority_vouches_for_its_event_and_for_nothing_else(authority):
    assert authority.permits(NAME)
    assert not authority.permits("bank.example.com")
    assert authority.permits("192.168.1.20")
    assert not authority.permits("203.0.113.7")
    limits = authority.pair.certificate.extensions.get_extension_for_class(x509.NameConstraints)
    assert limits.critical


def test_an_authority_for_an_address_vouches_for_no_host_name():
    known = make_authority("A test", ("203.0.113.7",), NOW)
    assert known.permits("203.0.113.7")
    assert not known.permits(NAME)


def test_another_host_name_needs_another_authority_and_another_private_address_does_not(folder):
    first = keep_authority(folder, "A test", ("192.168.1.20",), NOW)
    assert keep_authority(folder, "A test", ("10.0.0.9",), NOW).certificate == first.certificate
    assert keep_authority(folder, "A test", (NAME,), NOW).certificate != first.certificate


def test_a_servers_certificate_is_renewed_when_a_third_of_its_life_is_left(folder):
    known = keep_authority(folder, "A test", (NAME,), NOW)
    first = keep_server(folder, known, (NAME,), NOW).read_bytes()
    assert keep_server(folder, known, (NAME,), NOW + timedelta(days=260)).read_bytes() == first
    assert keep_server(folder, known, (NAME,), NOW + timedelta(days=270)).read_bytes() != first
    life = read_pair(first).until - read_pair(first).certificate.not_valid_before_utc
    assert life <= timedelta(days=398)
    assert keep_server(folder, known, ("192.168.1.20",), NOW).read_bytes() != first


def test_a_damaged_authority_is_named(folder):
    keep_authority(folder, "A test", (NAME,), NOW)
    (folder / "authority.pem").write_text("nonsense")
    with pytest.raises(DivebellError, match=r"authority\.pem is damaged"):
        keep_authority(folder, "A test", (NAME,), NOW)


def test_nothing_is_brought_for_an_automatic_certificate(event_folder):
    brought = bring(event_folder.event, event_folder.state, NAME, NOW)
    assert not any(brought.variables().values())


def test_an_own_certificate_is_brought_from_beside_the_event_file(event_folder, authority):
    pair = authority.sign((NAME,), NOW)
    (event_folder.folder / "chain.pem").write_bytes(pair.chain_pem())
    (event_folder.folder / "key.pem").write_bytes(pair.key_pem())
    https = Https(certificate="own", chain="chain.pem", key="key.pem")
    brought = bring(event_folder.event.model_copy(update={"https": https}), event_folder.state, NAME, NOW)
    assert brought.chain == str(event_folder.folder / "chain.pem")
    assert brought.key == str(event_folder.folder / "key.pem")


def test_an_authority_brings_what_people_install_and_its_fingerprint(event_folder):
    event = event_folder.event.model_copy(update={"https": Https(certificate="authority")})
    brought = bring(event, event_folder.state, NAME, NOW)
    handed_out = State(event_folder.state.folder).authority / "authority.crt"
    assert brought.authority == str(handed_out)
    certificate = x509.load_pem_x509_certificate(handed_out.read_bytes())
    assert brought.fingerprint == certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    assert read_pair(Path(brought.chain).read_bytes()).names == (NAME,)
