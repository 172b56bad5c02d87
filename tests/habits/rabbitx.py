"""RabbitX: see `_rabbit`."""

from habits import _rabbit

HABITS = _rabbit.habits("rabbitx-main")
