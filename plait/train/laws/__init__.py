"""Position laws, one file each: which positions of a row are masked at a noise level."""

from ...registry import Folder

FOLDER = Folder("law", __name__, __file__)
names, function, load = FOLDER.names, FOLDER.function, FOLDER.load
