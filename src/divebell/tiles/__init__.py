"""Vector tiles: layers found in PostgreSQL, MVT, TileJSON, class breaks, previews.

Knows no page and no sign-in.
"""

from divebell.tiles.classes import warm_up
from divebell.tiles.names import from_slug, to_slug
from divebell.tiles.routes import routes
from divebell.tiles.tile import Tiles

__all__ = ["Tiles", "from_slug", "routes", "to_slug", "warm_up"]
