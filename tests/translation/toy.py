"""A small made-up corpus that a tiny model learns in seconds: commands with placeholders."""

from __future__ import annotations

import csv
from itertools import product
from pathlib import Path

VERBS = {"Open": "打开", "Save": "保存", "Print": "打印", "Close": "关闭", "Copy": "复制"}
WORDS = {"red": "红色", "old": "旧的", "big": "大的", "new": "新的"}
NOUNS = {"file": "文件", "table": "表格", "picture": "图片", "letter": "信件", "folder": "文件夹", "window": "窗口",
         "message": "消息", "font": "字体"}  # fmt: skip
FORMS = [("{}", "{}"), ("{} %s", "{} %s"), ("{} from {{name}}", "从 {{name}} {}"), ("<b>{}</b>", "<b>{}</b>"),
         ("{} %s in {{name}}", "在 {{name}} 中{} %s")]  # fmt: skip

TASK = """
name = "toy"
kind = "translate"
model = "new"
source_lang = "en"
target_lang = "zh"
[data]
source = "pairs.csv"
[bar]
drop_at_most = 0.1
[budget]
threads = 1
[recipe]
vocabulary = 400
epochs = 14
student_epochs = 30
batch_size = 16
learning_rate = 4e-3
teacher = {width = 64, encoder = 2, decoder = 2}
student = {width = 64, encoder = 2, decoder = 1}
"""


def pairs() -> list[tuple[str, str]]:
    """Return all commands with their translations."""
    return [
        (form[0].format(f"{verb} the {word} {noun}"), form[1].format(VERBS[verb] + WORDS[word] + NOUNS[noun]))
        for verb, word, noun, form in product(VERBS, WORDS, NOUNS, FORMS)
    ]


def write_toy_task(folder: Path) -> Path:
    """Write task.toml and pairs.csv into `folder`; return the task's path."""
    with (folder / "pairs.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("source", "target"), *pairs()])
    (folder / "task.toml").write_text(TASK, encoding="utf-8")
    return folder / "task.toml"
