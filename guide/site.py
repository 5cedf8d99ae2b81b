"""Where pages come from and go to: docs/ in English, docs/zh in Chinese, one site for each language."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from pymdownx.slugs import slugify

from penjing.learn.bank import Language

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
_LANGUAGES: tuple[Language, ...] = ("en", "zh")
_OTHER_LANGUAGE = re.compile(r"^\[(中文|English)\]\([^)]*\)\n+", re.M)
_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]\n]*)\]\((?P<path>[^)\s#:]+)(?P<anchor>#[^)\s]*)?\)")
_README = re.compile(r"README(\.zh-CN)?\.md")


def source_pages(language: Language) -> dict[str, Path]:
    """Return the file of each page by its path in the site; what is not translated is shown in English."""
    own = DOCS if language == "en" else DOCS / "zh"
    found = {
        path.relative_to(DOCS).as_posix(): path
        for path in sorted(DOCS.rglob("*.md"))
        if DOCS / "zh" not in path.parents
    }
    found |= {path.relative_to(own).as_posix(): path for path in sorted(own.rglob("*.md")) if own != DOCS}
    return found


def page_text(path: Path, *, place: str, language: Language, site: Path) -> str:
    """Return a page for the site of a language: links lead to its pages, and to copies of other files.

    `place` is the page's path in the site whose pages are in `site`.
    """
    text = _OTHER_LANGUAGE.sub("", path.read_text(encoding="utf-8"), count=1)
    pages = {file.resolve(): name for name, file in source_pages(language).items()}
    pages |= {file.resolve(): name for name, file in source_pages("en").items() if file.resolve() not in pages}

    def replace(found: re.Match[str]) -> str:
        target = (path.parent / found["path"]).resolve()
        if _README.fullmatch(target.name) and target.parent == ROOT:
            where = "index.md"
        elif target in pages:
            where = pages[target]
        elif target.is_file() and ROOT in target.parents:
            where = f"files/{target.relative_to(ROOT).as_posix()}"
            (site / where).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(target, site / where)
        else:
            return found[0]
        up = "../" * place.count("/")
        return f"[{found['text']}]({up}{where}{found['anchor'] or ''})"

    return _LINK.sub(replace, text)


def settings(language: Language, *, source: Path, output: Path, questions: list[dict[str, str]]) -> dict[str, Any]:
    """Return what MkDocs is told."""
    homes = {"en": ("./index.html", "zh/index.html"), "zh": ("../index.html", "./index.html")}[language]
    return {
        "site_name": "penjing 盆景",
        "docs_dir": str(source),
        "site_dir": str(output),
        "use_directory_urls": False,
        "strict": True,
        "theme": {
            "name": "material",
            "language": language,
            "font": False,
            "features": [
                "navigation.tabs", "navigation.indexes", "navigation.footer", "content.code.copy", "toc.follow",
            ],
            "palette": [
                {
                    "media": "(prefers-color-scheme: light)", "scheme": "default", "primary": "teal", "accent": "teal",
                    "toggle": {"icon": "material/weather-night", "name": "dark" if language == "en" else "深色"},
                },
                {
                    "media": "(prefers-color-scheme: dark)", "scheme": "slate", "primary": "teal", "accent": "teal",
                    "toggle": {"icon": "material/weather-sunny", "name": "light" if language == "en" else "浅色"},
                },
            ],
        },
        "extra": {
            "generator": False,
            "alternate": [
                {"name": name, "lang": code, "link": home}
                for name, code, home in zip(("English", "中文"), _LANGUAGES, homes, strict=True)
            ],
        },
        "extra_css": ["guide.css"],
        "markdown_extensions": [
            "admonition", "attr_list", "md_in_html", "tables", "def_list",
            {"toc": {"permalink": True, "slugify": slugify(case="lower")}},
            {"pymdownx.highlight": {"use_pygments": True}},
            "pymdownx.superfences", "pymdownx.inlinehilite",
        ],
        "plugins": [
            {"search": {"lang": ["en"] if language == "en" else ["en", "zh"]}},
            {
                "mkdocstrings": {
                    "handlers": {
                        "python": {
                            "paths": [str(ROOT / "src")],
                            "options": {
                                "docstring_style": "google", "show_root_heading": False, "show_root_toc_entry": False,
                                "show_source": False, "members_order": "source", "show_signature_annotations": True,
                                "separate_signature": True, "heading_level": 3, "filters": ["!^_"],
                            },
                        }
                    }
                }
            },
        ],
        "validation": {
            "nav": {"omitted_files": "warn", "not_found": "warn", "absolute_links": "warn"},
            "links": {"not_found": "warn", "anchors": "warn", "absolute_links": "warn", "unrecognized_links": "warn"},
        },
        "nav": menu(language, questions),
    }  # fmt: skip


_MENU: tuple[tuple[tuple[str, str], tuple[tuple[str, str, str], ...]], ...] = (
    (
        ("Tutorials", "教程"),
        (
            ("Overview", "总览", "tutorials/index.md"),
            ("Texts", "文本分类", "tutorials/classify.md"),
            ("Text from a prompt", "生成文本", "tutorials/generate.md"),
            ("Translation", "翻译", "tutorials/translate.md"),
            ("Pictures", "图片", "tutorials/image.md"),
            ("Sounds", "声音", "tutorials/audio.md"),
            ("Several inputs", "多种输入", "tutorials/fused.md"),
        ),
    ),
    (
        ("How to", "操作指南"),
        (
            ("Which model, which machine", "选模型和机器", "plan.md"),
            ("Look after data", "处理数据", "data.md"),
            ("Generate text", "生成文本", "generation.md"),
            ("Translate", "翻译", "translation.md"),
            ("Pictures", "图片", "pictures.md"),
            ("Sounds and speech", "声音与语音", "sounds.md"),
            ("Several inputs", "多种输入", "fused.md"),
            ("Serve", "上线服务", "serve.md"),
            ("Browser and phones", "浏览器与手机", "device.md"),
            ("Learn", "学习", "learn.md"),
        ),
    ),
    (
        ("Explanations", "原理"),
        (
            ("Methods and their papers", "方法与论文", "methods.md"),
            ("How figures are estimated", "估算方法", "estimates.md"),
            ("Beside its peers", "与同类工具比较", "peers.md"),
            ("Measured", "实测", "benchmarks.md"),
            ("What did not work", "没有奏效的尝试", "log.md"),
        ),
    ),
    (
        ("Reference", "参考"),
        (
            ("Task file", "任务文件", "task-file.md"),
            ("Command line", "命令行", "reference/cli.md"),
            ("Python", "Python", "reference/python.md"),
            ("HTTP", "HTTP", "reference/http.md"),
            ("Every value of a task file", "任务文件的全部取值", "reference/task-file.md"),
            ("manifest.json", "manifest.json", "reference/manifest.md"),
        ),
    ),
)


def menu(language: Language, questions: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Return the site's menu."""
    place = 0 if language == "en" else 1
    found: list[dict[str, Any]] = [
        {("Start", "开始")[place]: "index.md"},
        {("Questions", "问题")[place]: questions},
    ]
    for title, pages in _MENU:
        found.append({title[place]: [{page[place]: page[2]} for page in pages]})
    decisions = sorted(path.name for path in (DOCS / "decisions").glob("*.md"))
    found[-2][_MENU[-2][0][place]].append(
        {("Decisions", "设计决定")[place]: [f"decisions/{name}" for name in decisions]}
    )
    return found
