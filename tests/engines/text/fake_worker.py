"""Speaks the protocol of penjing.engines.text.worker, in one of several bad ways; the first argument says which."""

import json
import sys

mode = sys.argv[1]


def say(**values):
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


if mode == "refuses":
    say(error={"what": "cannot load the model", "value": "x.gguf", "rule": "", "next_step": ""})
    sys.exit(0)
say(ready=True)
for line in sys.stdin:
    request = json.loads(line)
    if request["op"] == "cancel":
        say(done=True)
    elif request["op"] == "stream":
        say(chunk={"index": 0, "text": "one", "finish_reason": None})
        if mode == "dies":
            sys.stderr.write("out of memory\n")
            sys.exit(9)
        if mode == "fails":
            say(
                error={
                    "what": "the prompt is longer than the context",
                    "value": "9 tokens",
                    "rule": "",
                    "next_step": "",
                }
            )
        if mode == "good":
            say(chunk={"index": 0, "text": " two", "finish_reason": "stop"})
            say(usage={"prompt_tokens": 1, "completion_tokens": 2, "prefill_s": None, "decode_s": None})
            say(done=True)
