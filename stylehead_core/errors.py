"""Exceptions of StyleHead.

    StyleHeadError
    ├── ConfigError      a setting that cannot work (also a ValueError)
    ├── InputError       a picture, tensor, clip or sound that cannot be used (also a ValueError)
    │   ├── FaceNotFound     no face where one is needed
    │   └── MotionError      a motion of another space, without frames, or otherwise unusable
    ├── MediaError       a file that cannot be read or written
    ├── OutOfMemory      the device does not have enough memory
    └── WeightsError     a model file that is missing, changed, cut short or of another kind

Every message says what was expected, what was found, and what helps.
"""


class StyleHeadError(Exception):
    """Base class: StyleHead refuses to do something, with a message for the user."""


class ConfigError(StyleHeadError, ValueError):
    """A setting, or a pair of settings, that cannot work."""


class InputError(StyleHeadError, ValueError):
    """A picture, tensor, clip or sound that cannot be used."""


class FaceNotFound(InputError):
    """No face where one is needed."""


class MotionError(InputError):
    """A motion that does not fit: another coefficient space, no frames, a rate of zero."""


class MediaError(StyleHeadError):
    """A media file that cannot be read or written."""


class OutOfMemory(StyleHeadError):
    """The device does not have enough memory."""


class WeightsError(StyleHeadError):
    """A model file that is missing, changed, cut short or of another kind."""
