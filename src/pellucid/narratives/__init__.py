"""Results told in a sentence or two, in English and in Chinese. They compute nothing of the model."""

from . import change as change
from . import change_of_images as change_of_images
from . import effects as effects
from . import inside as inside
from . import interplay as interplay
from . import pairs as pairs
from . import path as path
from . import sensitivity as sensitivity
from . import stand_in as stand_in
from .tell import tell as tell
