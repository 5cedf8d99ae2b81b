"""Speech into text by Whisper's models, in CTranslate2: never imports torch. Needs the `speech` extra."""
