from divebell.database import connect, provision


def test_smoke(cluster):
    with connect(cluster.state, "event_hub") as c:
        print(provision(c, "ana"))
    with connect(cluster.state, "event_loader") as c:
        print(c.execute("select current_user, postgis_version()").fetchall())


def test_empty(empty_cluster):
    pass
