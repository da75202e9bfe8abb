from divebell.containers.packages import index_hosts


def test_the_hosts_are_those_pip_itself_knows():
    index, files = index_hosts({})
    assert index != files
    assert all("." in host and "/" not in host for host in (index, files))


def test_an_index_of_ones_own_takes_their_place():
    assert index_hosts({"PIP_INDEX_URL": "https://user:secret@packages.example.org/simple"}) == (
        "packages.example.org",
    )
