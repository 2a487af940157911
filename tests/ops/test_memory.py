"""What a render will take is told in words that can be checked by hand."""

from stylehead_core.ops import memory as room


def test_a_batch_of_pictures_is_told_its_time_and_its_memory(monkeypatch):
    monkeypatch.setattr(room, "available_memory", lambda: 4 * 2**30)
    told = room.forecast(1500, (256, 256), 95.4, held=True)
    assert told.startswith("1500 frames of 256 x 256 pixels will take about 1 min 35 s")
    assert "2.2 GiB of memory; 4.0 GiB are free" in told  # twice 1500 x 256 x 256 x 3 numbers of 4 bytes


def test_a_film_is_told_that_it_needs_no_more_memory(monkeypatch):
    monkeypatch.setattr(room, "available_memory", lambda: None)
    told = room.forecast(100, (128, 128), 7.6, held=False)
    assert told == "100 frames of 128 x 128 pixels will take about 8 s, and no more memory than now."


def test_what_the_system_does_not_say_is_not_told(monkeypatch):
    monkeypatch.setattr(room, "available_memory", lambda: None)
    told = room.forecast(100, (128, 128), 7.6, held=True)
    assert told.endswith("8 s and 38 MiB of memory.")  # twice 100 x 192 KiB
