"""Vocabulary trim, tokenizer side: choose pieces, rewrite tokenizer.json, prove what did not change.

    counts = count_pieces(tokenizer, train_texts)
    keep = choose_pieces(tokenizer_json, counts, train_texts)
    trimmed = rewrite(tokenizer_json, keep)
    report = check_identity(tokenizer, Tokenizer.from_str(trimmed), keep, dev_texts)

The law: where every piece of a text is kept and none is the unknown piece, the rewritten tokenizer gives
exactly the same pieces, their ids mapped to their ranks in `keep`. Why it holds is said once for each model:
in wordpiece.py, bpe.py and unigram.py. All other text falls back to smaller pieces and characters.
"""

from penjing.shrink.tokenizer.choose import FEWEST_FREQUENT, FREQUENT_SHARE, choose_pieces, count_pieces
from penjing.shrink.tokenizer.identity import TrimReport, check_identity
from penjing.shrink.tokenizer.rewrite import rewrite

__all__ = [
    "FEWEST_FREQUENT",
    "FREQUENT_SHARE",
    "TrimReport",
    "check_identity",
    "choose_pieces",
    "count_pieces",
    "rewrite",
]
