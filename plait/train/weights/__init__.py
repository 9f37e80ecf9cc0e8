"""Weights of a masked token's loss, one file each: where two papers' losses differ most."""

from ...registry import Folder

FOLDER = Folder("weight", __name__, __file__)
names, function, load = FOLDER.names, FOLDER.function, FOLDER.load
