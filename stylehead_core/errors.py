"""The errors of StyleHead, so that a caller can tell a wrong setting from a broken file.

    StyleHeadError
    ├── ConfigError      a setting that cannot work (also a ValueError)
    ├── InputError       a picture, tensor, clip or sound that cannot be used (also a ValueError)
    │   ├── FaceNotFound     no face where one is needed
    │   └── MotionError      a motion of another space, without frames, or otherwise unusable
    ├── MediaError       a file that cannot be read or written
    ├── OutOfMemory      more than the device has room for
    └── WeightsError     a model file that is missing, changed, cut short or of another kind

Every message says what was expected, what was found, and what helps.
"""


class StyleHeadError(Exception):
    """Anything that StyleHead refuses to do, with a message for the person who asked."""


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
    """More than the device that draws has room for."""


class WeightsError(StyleHeadError):
    """A model file that is missing, changed, cut short or of another kind."""
