"""Sound: encodings, files, tones, and the clock that paces it."""
