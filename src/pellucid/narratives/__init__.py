"""Results told in a sentence or two, in English and in Chinese. They compute nothing of the model."""

from . import inside as inside
from .tell import tell as tell
