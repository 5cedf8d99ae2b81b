"""Speaks the protocol of penjing.engines.text.worker for several requests at once, as the prompt says.

"crash" ends the process, "deaf" stops reading, "error" and "refuse" are refused, "forever" writes until it is
cancelled, "silent" says nothing; any other prompt is answered with its words. Where the file that its argument names is
there, it cannot load.
"""

import json
import os
import sys
from pathlib import Path
from threading import Event

TOO_LONG = {"what": "the prompt is longer than the context", "value": "9 tokens", "rule": "at most 4", "next_step": ""}


def say(**values):
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def chunk(number, text, reason=None):
    say(id=number, chunk={"index": 0, "text": text, "finish_reason": reason})


def answer(number, request):
    prompt = request["prompt"] or request["messages"][-1]["content"]
    if prompt == "crash":
        os._exit(9)
    elif prompt == "deaf":
        Event().wait()  # what is asked from now on is not even read
    elif prompt == "refuse":
        say(id=number, error={**TOO_LONG, "what": "llama.cpp refuses the request", "value": "roles must alternate"})
    elif prompt == "error":
        say(id=number, error=TOO_LONG)
    elif prompt == "forever":
        chunk(number, "on and ")
    elif prompt != "silent":
        for word in prompt.split(" "):
            chunk(number, word + " ")
        chunk(number, "", "stop")
        used = {"prompt_tokens": 3, "completion_tokens": len(prompt.split(" ")), "prefill_s": 0.1, "decode_s": 0.2}
        say(id=number, usage=used)
        say(id=number, done=True)


def main():
    if len(sys.argv) > 1 and Path(sys.argv[1]).exists():
        say(error={"what": "cannot load the model", "value": "x", "rule": "", "next_step": ""})
        return
    say(ready=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["op"] == "cancel":
            sys.stderr.write(f"cancelled {asked['id']}\n")
            say(id=asked["id"], done=True)
        else:
            answer(asked["id"], asked["request"])


if __name__ == "__main__":
    main()
