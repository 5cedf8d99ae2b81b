"""Speaks the protocol of penjing.engines.text.worker, in one of several bad ways; the first argument says which."""

import json
import sys

TOO_LONG = {"what": "the prompt is longer than the context", "value": "9 tokens", "rule": "", "next_step": ""}
REFUSED = {"what": "cannot load the model", "value": "x.gguf", "rule": "", "next_step": ""}


def say(**values):
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def answer(mode):
    say(chunk={"index": 0, "text": "one", "finish_reason": None})
    if mode == "dies":
        sys.stderr.write("out of memory\n")
        sys.exit(9)
    if mode == "fails":
        say(error=TOO_LONG)
    if mode == "good":
        say(chunk={"index": 0, "text": " two", "finish_reason": "stop"})
        say(usage={"prompt_tokens": 1, "completion_tokens": 2, "prefill_s": None, "decode_s": None})
        say(done=True)


def main(mode):
    if mode == "refuses":
        say(error=REFUSED)
        return
    say(ready=True)
    for line in sys.stdin:
        if json.loads(line)["op"] == "cancel":
            say(done=True)
        else:
            answer(mode)


if __name__ == "__main__":
    main(sys.argv[1])
