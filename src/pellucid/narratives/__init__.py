"""Results told in a sentence or two, in English and in Chinese. They compute nothing of the model."""

from .tell import tell as tell
