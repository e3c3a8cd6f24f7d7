from .joining import concatenate as concatenate
from .record import Record as Record
from .shipped import find as find
from .shipped import load as load
from .shipped import names as names
