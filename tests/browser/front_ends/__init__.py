"""The three front ends, seen through one interface, so that a test is written once for all of them."""

from .jupyterlab import JupyterLab
from .nbclassic import NBClassic
from .notebook7 import Notebook7

FRONT_ENDS = [JupyterLab(), Notebook7(), NBClassic()]
