"""From a folder of talking videos to training clips: one face each, cut, at 25 frames a second, and measured."""
