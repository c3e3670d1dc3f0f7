"""`keras.ops` as it is used here: without its annotations, which promise None where tensors come."""

from __future__ import annotations

from typing import Any

import keras

ops: Any = keras.ops
