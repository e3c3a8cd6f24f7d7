from .augmentation import augment as augment
from .datasets import Dataset as Dataset
from .datasets import cached as cached
from .datasets import load as load
from .datasets import load_folder as load_folder
from .label_noise import with_random_labels as with_random_labels
