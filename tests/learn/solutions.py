"""A right answer to each exercise, and wrong ones: what is replaced, by what, and what the checks then say."""

SOLUTIONS = {
    "attention": """
import numpy as np

def attention(q, k, v, causal=False):
    scores = q @ k.T / np.sqrt(q.shape[1])
    if causal:
        scores = np.where(np.tri(len(q), dtype=bool), scores, -np.inf)
    weights = np.exp(scores - scores.max(1, keepdims=True))
    return weights / weights.sum(1, keepdims=True) @ v
""",
    "kv_cache": """
import numpy as np

class CachedAttention:
    def __init__(self, wq, wk, wv):
        self.wq, self.wk, self.wv = wq, wk, wv
        self.keys, self.values = [], []

    def step(self, x):
        self.keys.append(x @ self.wk)
        self.values.append(x @ self.wv)
        scores = np.stack(self.keys) @ (x @ self.wq) / np.sqrt(len(x))
        weights = np.exp(scores - scores.max())
        return weights / weights.sum() @ np.stack(self.values)
""",
    "bpe": """
from collections import Counter

def join(pieces, pair):
    found, place = [], 0
    while place < len(pieces):
        if tuple(pieces[place:place + 2]) == tuple(pair):
            found.append(pair[0] + pair[1])
            place += 2
        else:
            found.append(pieces[place])
            place += 1
    return found

def learn_merges(words, count):
    texts, merges = [list(word) for word in words], []
    while len(merges) < count:
        pairs = Counter(pair for pieces in texts for pair in zip(pieces, pieces[1:]))
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        texts = [join(pieces, best) for pieces in texts]
    return merges

def cut(word, merges):
    pieces = list(word)
    for pair in merges:
        pieces = join(pieces, pair)
    return pieces
""",
    "quantization": """
import numpy as np

def quantize(matrix):
    scales = np.abs(matrix).max(1) / 127
    scales[scales == 0] = 1
    return np.rint(matrix / scales[:, None]).astype(np.int8), scales.astype(np.float32)

def product(values, scales, x):
    return values.astype(float) @ x * scales
""",
    "pruning": """
import numpy as np

def importance(w2, gradient):
    return np.abs((w2 * gradient).sum(1))

def prune(w1, b1, w2, scores, keep):
    kept = np.sort(np.argsort(scores)[-keep:])
    return w1[:, kept], b1[kept], w2[kept]
""",
    "distillation": """
import numpy as np

def log_softmax(x):
    x = x - x.max(1, keepdims=True)
    return x - np.log(np.exp(x).sum(1, keepdims=True))

def distillation_loss(student, teacher, labels, temperature=2.0, share=0.5):
    p, q = log_softmax(teacher / temperature), log_softmax(student / temperature)
    soft = temperature ** 2 * (np.exp(p) * (p - q)).sum(1).mean()
    hard = -log_softmax(student)[np.arange(len(labels)), labels].mean()
    return share * soft + (1 - share) * hard
""",
    "generate": """
import numpy as np

def generate(next_logits, prompt, max_tokens=50, temperature=0.0, end=0, seed=0):
    pieces, generator = list(prompt), np.random.default_rng(seed)
    while len(pieces) < len(prompt) + max_tokens:
        logits = np.asarray(next_logits(list(pieces)), float)
        if temperature == 0:
            piece = int(logits.argmax())
        else:
            shares = np.exp((logits - logits.max()) / temperature)
            piece = int(generator.choice(len(shares), p=shares / shares.sum()))
        if piece == end:
            break
        pieces.append(piece)
    return pieces[len(prompt):]
""",
    "classify": """
import numpy as np

def classify(states, mask, weight, bias, labels, at_least=0.0):
    means = (states * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
    logits = means @ weight.T + bias
    shares = np.exp(logits - logits.max(1, keepdims=True))
    shares = shares / shares.sum(1, keepdims=True)
    found = []
    for row in shares:
        best = int(row.argmax())
        found.append((labels[best] if row[best] >= at_least else None, float(row[best])))
    return found
""",
    "translate": """
import re

def mask(text):
    kept = []
    def mark(found):
        kept.append(found[0])
        return "\\u27e6%d\\u27e7" % (len(kept) - 1)
    return re.sub(r"\\{\\w+\\}|%[sd]", mark, text), kept

def unmask(text, kept):
    found = re.findall("\\u27e6(\\\\d+)\\u27e7", text)
    if sorted(map(int, found)) != list(range(len(kept))):
        raise ValueError("a placeholder is missing or doubled")
    return re.sub("\\u27e6(\\\\d+)\\u27e7", lambda one: kept[int(one[1])], text)

def beam_search(next_log_probabilities, beam, end, max_length):
    open_, done = [([], 0.0)], []
    for _ in range(max_length + 1):
        more = []
        for pieces, score in open_:
            if len(pieces) == max_length:
                done.append((score / max(1, len(pieces)), pieces))
                continue
            for piece, probability in enumerate(next_log_probabilities(pieces)):
                more.append((pieces + [piece], score + probability))
        more.sort(key=lambda one: -one[1])
        open_ = []
        for pieces, score in more[:beam]:
            if pieces[-1] == end:
                done.append((score / len(pieces), pieces[:-1]))
            else:
                open_.append((pieces, score))
        if not open_:
            break
    return max(done)[1]
""",
}
WRONG = {
    "attention": [
        ("/ np.sqrt(q.shape[1])", "", "divide by sqrt"),
        ("scores - scores.max(1, keepdims=True)", "scores", "NaN or infinity"),
        ("    if causal:", "    if False:", "mask them before the softmax"),
    ],
    "kv_cache": [
        ("np.stack(self.values)", "np.stack(self.values) * 2", "attends to itself"),
        ("self.keys.append", "self.keys = []; self.values = []; self.keys.append", "position 2 differs"),
        ("        self.keys.append(x @ self.wk)", "        [x @ self.wk for _ in range(9)]\n        self.keys.append(x @ self.wk)",
         "keep what you have"),
    ],
    "bpe": [
        ("(-pairs[pair], pair)", "pairs[pair]", "the first merge is"),
        ("        if not pairs:\n            break\n", "        if not pairs:\n            best = ('a', 'b')\n            merges.append(best)\n            continue\n",
         "has one merge"),
        ("    for pair in merges:", "    for pair in sorted(merges):", "b c was learned first"),
    ],
    "quantization": [
        ("np.abs(matrix).max(1) / 127", "np.full(len(matrix), np.abs(matrix).max() / 127)", "more than half a step"),
        ("    scales[scales == 0] = 1\n", "", "do not divide by 0"),
        ("values.astype(float) @ x", "(values * x.astype(np.int8)).sum(1, dtype=np.int8)", "sum in a wider type"),
    ],
    "pruning": [
        ("np.abs((w2 * gradient).sum(1))", "np.abs(w2 * gradient).sum(1)", "then take the absolute value"),
        ("np.sort(np.argsort(scores)[-keep:])", "np.argsort(scores)[:keep]", "highest scores"),
        ("w2[kept]", "w2", "rows of w2"),
    ],
    "distillation": [
        ("temperature ** 2 * ", "", "times T squared"),
        ("-log_softmax(student)[", "-log_softmax(student / temperature)[", "no temperature"),
        ("x = x - x.max(1, keepdims=True)", "pass", "NaN or infinity"),
    ],
    "generate": [
        ("return pieces[len(prompt):]", "return pieces", "neither prompt nor end"),
        ("list(prompt), np", "prompt, np", "neither prompt nor end|copy it|max_tokens"),
        ("/ temperature)", "* 99)", "probability 0.7"),
    ],
    "classify": [
        ("(states * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)", "states.mean(1)", "what is padding"),
        ("labels[best] if row[best] >= at_least else None", "labels[best]", "below at_least"),
        ("logits - logits.max(1, keepdims=True)", "logits", "NaN or infinity"),
    ],
    "translate": [
        ("%[sd]", "%", "the text is"),
        ("    if sorted(map(int, found)) != list(range(len(kept))):", "    if False:", "was accepted"),
        ("score / len(pieces), pieces[:-1]", "score, pieces[:-1]", "better mean"),
    ],
}  # fmt: skip
