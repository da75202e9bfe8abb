"""The workspace image: what it is made from, how it is made, and where things are in it."""

from divebell.containers.image.build import Built, Wish, build, ensure, find
from divebell.containers.image.recipe import Recipe, recipe, tag
from divebell.containers.image.steps import CODE, ENVIRONMENT, PACKAGES, PATH, PYTHON

__all__ = [
    "CODE",
    "ENVIRONMENT",
    "PACKAGES",
    "PATH",
    "PYTHON",
    "Built",
    "Recipe",
    "Wish",
    "build",
    "ensure",
    "find",
    "recipe",
    "tag",
]
