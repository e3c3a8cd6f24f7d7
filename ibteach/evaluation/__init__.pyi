from .prediction import Prediction as Prediction
from .prediction import probabilities as probabilities
