"""The abstract tests of OGC API - Features, Part 1: Core (17-069r4), each under its requirement's name."""

import json
import re
from datetime import datetime

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from divebell.database import connect

ROOT = "/services/event/"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
CORE = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core"
GEOJSON = "application/geo+json"
GEOMETRIES = {
    "Point": 0,
    "MultiPoint": 1,
    "LineString": 1,
    "MultiLineString": 2,
    "Polygon": 2,
    "MultiPolygon": 3,
}


@pytest.fixture(scope="module")
def layer(table, cluster):
    name = table(
        "conformance",
        "SELECT i AS row_id, 'n' || i AS name, i % 3 AS kind, timestamptz '2021-03-05Z' + make_interval(days => i) AS seen,"
        " CASE i % 4 WHEN 0 THEN ST_SetSRID(ST_MakePoint(i, i / 2.0), 4326)"
        " WHEN 1 THEN ST_MakeEnvelope(i, 1, i + 0.5, 2, 4326)"
        " WHEN 2 THEN ST_GeomFromText('MULTILINESTRING((0 0, 1 1), (2 2, 3 3))', 4326) END AS geom"
        " FROM generate_series(1, 60) i",
    )
    with connect(cluster.state, "event_loader") as loader:
        loader.execute("ALTER TABLE data.conformance ADD PRIMARY KEY (row_id)")
    return name


@pytest.fixture
def get(client):
    def ask(address, **parameters):
        relative = address.split(ROOT, 1)[-1]
        return client.get(relative, params=parameters or None)

    return ask


@pytest.fixture
def landing(get):
    return get("ogc/").json()


def linked(document, rel):
    return [link for link in document["links"] if link["rel"] == rel]


def is_link(link):
    return (
        link["href"].startswith("http://127.0.0.1")
        and link["rel"]
        and link["type"]
        and "token" not in link["href"]
    )


def is_feature(one):
    return one["type"] == "Feature" and isinstance(one["properties"], dict) and is_geometry(one["geometry"])


def is_geometry(shape):
    if shape is None:
        return True
    if shape["type"] == "GeometryCollection":
        return all(map(is_geometry, shape["geometries"]))
    return is_position(shape["coordinates"], GEOMETRIES[shape["type"]])


def is_position(coordinates, depth):
    if depth:
        return all(is_position(one, depth - 1) for one in coordinates)
    return len(coordinates) in {2, 3} and all(isinstance(number, int | float) for number in coordinates)


def test_root_op_and_root_success(get):
    answer = get("ogc/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    document = answer.json()
    assert all(map(is_link, document["links"]))
    for rel in ("service-desc", "conformance", "data"):
        assert len(linked(document, rel)) == 1
    assert get("ogc").json() == document


def test_api_definition_op_and_success(get, landing):
    [link] = linked(landing, "service-desc")
    answer = get(link["href"])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == link["type"] == "application/vnd.oai.openapi+json;version=3.0"


def test_conformance_op_and_success(get, landing):
    [link] = linked(landing, "conformance")
    classes = get(link["href"]).json()["conformsTo"]
    assert {CORE, CORE.replace("core", "oas30"), CORE.replace("core", "geojson")} == set(classes)


def test_http_is_1_1(get):
    answer = get("ogc/")
    assert answer.http_version == "HTTP/1.1"
    assert get("ogc/collections/nothing").status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "ogc/",
        "ogc/conformance",
        "ogc/api",
        "ogc/collections",
        "ogc/collections/{}",
        "ogc/collections/{}/items",
        "ogc/collections/{}/items/1",
    ],
)
def test_query_param_unknown_and_invalid_are_400(get, layer, address):
    assert get(address.format(layer), unknown="x").status_code == 400
    assert get(address.format(layer), f="xml").status_code == 400
    assert get(address.format(layer), f="json").status_code == 200


def test_crs84_is_what_coordinates_are_in(get, layer):
    assert get(f"ogc/collections/{layer}").json()["crs"] == [CRS84]
    assert get(f"ogc/collections/{layer}/items").headers["content-crs"] == f"<{CRS84}>"
    [one] = get(f"ogc/collections/{layer}/items", bbox="3.9,1.9,4.1,2.1", name="n4").json()["features"]
    assert one["geometry"]["coordinates"] == [4, 2]


def test_fc_md_op_success_links_and_items(get, landing, layer):
    [link] = linked(landing, "data")
    answer = get(link["href"])
    assert answer.status_code == 200
    document = answer.json()
    assert linked(document, "self")
    assert all(map(is_link, document["links"]))
    names = [one["id"] for one in document["collections"]]
    assert layer in names
    assert len(names) == len(set(names))
    for one in document["collections"]:
        assert one["id"]
        [items] = linked(one, "items")
        assert items["type"] == GEOJSON
        if "extent" in one:
            [box] = one["extent"]["spatial"]["bbox"]
            assert len(box) == 4


def test_sfc_md_op_and_success(get, layer):
    document = get(f"ogc/collections/{layer}").json()
    [listed] = [one for one in get("ogc/collections").json()["collections"] if one["id"] == layer]
    assert {**listed, "extent": None} == {**document, "extent": None}
    [[west, south, east, north]] = document["extent"]["spatial"]["bbox"]
    assert west <= east
    assert south <= north


def test_fc_op_and_response(get, layer):
    answer = get(f"ogc/collections/{layer}/items")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == GEOJSON
    document = answer.json()
    assert document["type"] == "FeatureCollection"
    assert all(map(is_feature, document["features"]))


def test_fc_links_and_rel_type(get, layer):
    document = get(f"ogc/collections/{layer}/items", limit=7).json()
    assert all(map(is_link, document["links"]))
    [own] = linked(document, "self")
    again = get(own["href"]).json()
    assert again["features"] == document["features"]
    assert len(linked(document, "next")) == 1
    assert not linked(get(f"ogc/collections/{layer}/items", limit=60).json(), "next")


def test_fc_time_stamp(get, layer):
    said = get(f"ogc/collections/{layer}/items").json()["timeStamp"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", said)
    assert datetime.fromisoformat(said)


def test_fc_number_matched_and_returned(get, layer):
    document = get(f"ogc/collections/{layer}/items", limit=7, kind=1).json()
    assert document["numberReturned"] == len(document["features"]) == 7
    assert document["numberMatched"] == 20


@pytest.mark.parametrize("limit", [1, 10, 59, 60, 61, 10_000])
def test_fc_limit_response_1(get, layer, limit):
    document = get(f"ogc/collections/{layer}/items", limit=limit).json()
    assert len(document["features"]) == min(limit, 60)


def test_fc_next_leads_through_all_features_once(get, layer):
    seen, address = [], f"ogc/collections/{layer}/items?limit=13"
    while address:
        document = get(address).json()
        seen += [one["id"] for one in document["features"]]
        address = next((link["href"] for link in linked(document, "next")), None)
    assert seen == list(range(1, 61))


def test_fc_bbox_definition_and_response(get, layer):
    everything = get(f"ogc/collections/{layer}/items", bbox="-180,-90,180,90", limit=100).json()
    assert everything["numberMatched"] == 60
    few = get(f"ogc/collections/{layer}/items", bbox="4.5,0.5,5.2,1.5", limit=100).json()["features"]
    located = [one["id"] for one in few if one["geometry"]]
    assert located == [5]
    assert len(few) - len(located) == 15, "features without a place belong to every box"


def test_fc_time_definition_and_response(get, layer):
    found = get(f"ogc/collections/{layer}/items", datetime="2021-03-06T00:00:00Z/2021-03-08T00:00:00Z").json()
    assert [one["id"] for one in found["features"]] == [1, 2, 3]


def test_f_op_success_and_links(get, layer):
    answer = get(f"ogc/collections/{layer}/items/17")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == GEOJSON
    one = answer.json()
    assert is_feature(one)
    assert one["id"] == 17
    assert [link["rel"] for link in one["links"]] == ["self", "collection"]
    assert get(linked(one, "collection")[0]["href"]).json()["id"] == layer
    assert get(linked(one, "self")[0]["href"]).json() == one


def test_geojson_content_is_that_of_the_collection(get, layer):
    for one in get(f"ogc/collections/{layer}/items", limit=5).json()["features"]:
        alone = get(f"ogc/collections/{layer}/items/{one['id']}").json()
        assert {name: alone[name] for name in one} == one


def test_oas30_definition_is_valid_and_complete(get):
    document = get("ogc/api").json()
    assert list(OpenAPIV30SpecValidator(document).iter_errors()) == []
    operations = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert operations == {
        (path, "get")
        for path in (
            "/",
            "/api",
            "/conformance",
            "/collections",
            "/collections/{collectionId}",
            "/collections/{collectionId}/items",
            "/collections/{collectionId}/items/{featureId}",
        )
    }


def test_oas30_exception_codes_and_security(get):
    document = get("ogc/api").json()
    for path in document["paths"].values():
        assert path["get"]["responses"].keys() >= {"200", "400", "401", "404", "500"}
    used = {name for one in document["security"] for name in one}
    assert used == document["components"]["securitySchemes"].keys()


def test_oas30_parameters_are_those_of_the_standard(get):
    known = get("ogc/api").json()["components"]["parameters"]
    box, limit, moment = (known[name] for name in ("bbox", "limit", "datetime"))
    assert box["schema"]["items"] == {"type": "number"}
    assert box["schema"]["oneOf"] == [{"minItems": 4, "maxItems": 4}, {"minItems": 6, "maxItems": 6}]
    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 10000, "default": 100}
    assert moment["schema"] == {"type": "string"}
    for one in (box, limit, moment):
        assert (one["in"], one["required"], one["style"], one["explode"]) == ("query", False, "form", False)


def test_answers_are_what_the_definition_says(get, layer):
    from openapi_schema_validator import OAS30Validator
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT4

    document = get("ogc/api").json()
    registry = Registry().with_resource("urn:api", Resource(contents=document, specification=DRAFT4))
    for address, schema in (
        ("ogc/", "landingPage"),
        ("ogc/conformance", "confClasses"),
        ("ogc/collections", "collections"),
        (f"ogc/collections/{layer}", "collection"),
        (f"ogc/collections/{layer}/items", "featureCollection"),
        (f"ogc/collections/{layer}/items/1", "feature"),
        ("ogc/collections/nothing", "problem"),
    ):
        validator = OAS30Validator({"$ref": f"urn:api#/components/schemas/{schema}"}, registry=registry)
        assert list(validator.iter_errors(json.loads(get(address).text))) == [], address
