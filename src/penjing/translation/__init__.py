"""Translation: languages, what must survive, sentences, files, and the models behind one call. Never imports torch."""
