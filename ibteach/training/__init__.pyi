from .checkpoints import load_network as load_network
from .checkpoints import save_network as save_network
from .loop import fit as fit
from .loop import pick_device as pick_device
from .remake import remake as remake
from .runs import Run as Run
from .runs import build as build
from .runs import grid as grid
