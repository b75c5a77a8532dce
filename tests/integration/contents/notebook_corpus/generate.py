"""Notebooks made up at random, valid and broken, of all versions, and edge cases of the spelling of JSON."""

import copy
import json
import random

VALID, BROKEN = 300, 200

TEXTS = [
    "", "a", "a\nb", "line\n", "a\r\nb\rc", "x\u2028y\u2029z", "\x0b\x0c\x1c\x1d\x1e\x1f", "\x85\xa0", "ü😀", "e\u0301",
    "\x00\x01\x7f", "\"\\/", "\u200b\ufeff", "<b>x</b>", "it's \"q\"", "word " * 30, "\n\n", "\U0010ffff",
]  # fmt: skip
NUMBERS = [
    0, 1, -1, 1.0, -0.0, 1e16, 1e15, 1e-4, 1e-5, 1e-7, 1e22, 0.1, 123456789012345678901234567890, 1.5e300, 5e-324,
    True, False, None,
]  # fmt: skip
MIMES = [
    "text/plain", "text/html", "text/x-ü", "text/latex", "image/png", "image/svg+xml", "application/json",
    "application/vnd.x+json", "application/javascript", "application/pdf",
]  # fmt: skip
ALIASES = ["text", "html", "svg", "png", "jpeg", "latex", "json", "javascript", "text/plain"]


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.pick = self.random.choice

    def some(self, make, most):
        return [make() for _ in range(self.random.randrange(most))]

    def text(self):
        return self.pick(TEXTS)

    def lines(self):
        return self.text() if self.random.random() < 0.5 else self.some(self.text, 4)

    def value(self, depth=2):
        kind = self.random.random()
        if kind < 0.4 or depth == 0:
            return self.pick(NUMBERS)
        if kind < 0.6:
            return self.text()
        if kind < 0.8:
            return self.some(lambda: self.value(depth - 1), 3)
        return {self.pick(["a", "b", "ü", "z z", "A", "", "text"]): self.value(depth - 1) for _ in range(2)}

    def maybe(self, members, chance=0.15):
        return {key: make() for key, make in members.items() if self.random.random() < chance}

    def shuffled(self, members):
        items = list(members.items())
        self.random.shuffle(items)
        return dict(items)

    def cell_metadata(self):
        return self.maybe({
            "collapsed": lambda: self.pick([True, False]),
            "scrolled": lambda: self.pick([True, False, "auto"]),
            "tags": lambda: self.random.sample(["a", "b", "c d"], 2),
            "name": lambda: "n",
            "jupyter": lambda: {"source_hidden": True},
            "execution": lambda: {"iopub.status.busy": "t"},
            "trusted": lambda: True,
            "x": self.value,
        })  # fmt: skip

    def bundle(self):
        mimes = self.random.sample(MIMES, self.random.randrange(4))
        return {mime: self.value() if "json" in mime else self.lines() for mime in mimes}

    def output(self):
        match self.pick(["execute_result", "display_data", "stream", "error"]):
            case "stream":
                return {"output_type": "stream", "name": self.pick(["stdout", "stderr"]), "text": self.lines()}
            case "error":
                traceback = self.some(self.text, 3)
                return {"output_type": "error", "ename": self.text(), "evalue": self.text(), "traceback": traceback}
            case "display_data":
                metadata = {"image/png": {"width": 1.5}}
                return {"output_type": "display_data", "data": self.bundle(), "metadata": metadata}
            case kind:
                count = self.pick([None, 1])
                return {"output_type": kind, "data": self.bundle(), "metadata": {}, "execution_count": count}

    def cell(self, minor, place):
        kind = self.pick(["code", "code", "markdown", "raw"])
        cell = {"cell_type": kind, "metadata": self.cell_metadata(), "source": self.lines()}
        if minor >= 5 and self.random.random() < 0.9:
            cell["id"] = self.pick([f"id{place}", f"id{place}", "duplicate"])
        if kind == "code":
            cell |= {"outputs": self.some(self.output, 3), "execution_count": self.pick([None, 1, 5])}
        elif self.random.random() < 0.3:
            cell["attachments"] = {"a.png": self.bundle()}
        return self.shuffled(cell)

    def notebook(self):
        minor = self.pick([0, 1, 2, 3, 4, 4, 5, 5, 5, 6, 9])
        metadata = self.maybe({
            "kernelspec": lambda: {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": lambda: {"name": "python", "codemirror_mode": self.pick(["x", {"name": "ipython"}])},
            "orig_nbformat": lambda: 2,
            "orig_nbformat_minor": lambda: 1,
            "title": self.text,
            "authors": lambda: [{"name": "x"}],
            "x": self.value,
            # Signing moves it to the end.
            "signature": lambda: "sha256:x",
        }, 0.3)  # fmt: skip
        cells = [self.cell(minor, place) for place in range(self.random.randrange(5))]
        return self.shuffled({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": minor})

    def old_output(self):
        match self.pick(["pyout", "display_data", "stream", "pyerr"]):
            case "stream":
                return {"output_type": "stream", "text": self.lines(), "stream": "stdout"}
            case "pyerr":
                return {"output_type": "pyerr", "ename": "E", "evalue": self.text(), "traceback": [self.text()]}
            case kind:
                output = {"output_type": kind}
                for key in self.random.sample(ALIASES, self.random.randrange(4)):
                    plain = self.text() if key in ("png", "jpeg") else self.lines()
                    output[key] = self.pick(['{"a": 1.0}', '[1, "x"]']) if key == "json" else plain
                count = {"prompt_number": 1} if kind == "pyout" else {}
                return output | count | self.maybe({"metadata": lambda: {"png": {"width": 1}}}, 0.7)

    def old_cell(self, major):
        kind = self.pick(["code", "code", "markdown", "html"] + (["raw", "heading"] if major == 3 else []))
        cell = {"cell_type": kind}
        if major == 3 or self.random.random() < 0.3:
            cell["metadata"] = self.cell_metadata()
        if kind == "code":
            cell |= {"input": self.lines(), "language": "python", "outputs": self.some(self.old_output, 3)}
            return cell | self.maybe({"prompt_number": lambda: self.pick([1, None]), "collapsed": lambda: False}, 0.7)
        level = {"level": self.pick([1, 2, 6])} if kind == "heading" else {}
        return cell | {"source": self.lines()} | level | self.maybe({"rendered": self.lines}, 0.1)

    def old_notebook(self):
        major = self.pick([2, 3, 3, 3])
        sheets = [{"cells": self.some(lambda: self.old_cell(major), 4)} for _ in range(self.pick([1, 1, 0, 2]))]
        notebook = {"metadata": {"name": self.text()}, "nbformat": major, "worksheets": sheets}
        minor = {"nbformat_minor": 0} if major == 3 else {}
        return notebook | minor | self.maybe({"orig_nbformat": lambda: 2})

    def oldest_notebook(self):
        cells = [{"cell_type": "code", "code": self.text(), "prompt_number": 3}, {"cell_type": "text", "text": self.text()}]
        return {"cells": self.some(lambda: self.pick(cells), 4), "nbformat": 1}

    def any_notebook(self):
        return self.pick([self.notebook] * 6 + [self.old_notebook] * 3 + [self.oldest_notebook])()

    def broken(self, notebook):
        notebook = copy.deepcopy(notebook)
        for _ in range(self.pick([1, 1, 2])):
            places = [place for place in walk(notebook) if place]
            *way, last = self.pick(places)
            around = notebook
            for step in way:
                around = around[step]
            change = self.random.random()
            if change < 0.4:
                around[last] = self.pick([self.value(), self.text()])
            elif change < 0.7 or not isinstance(around, dict):
                del around[last]
            else:
                key = self.pick(["extra", "id", "attachments", "outputs", "text", "metadata", "name", "tags", "trusted"])
                around[key] = self.pick([self.value(), ["a", "a"], ["", ",x"], {"a": {"b": 1}}, "weird"])
        return notebook

    def spelt(self, notebook):
        if self.random.random() < 0.5:
            text = json.dumps(notebook, ensure_ascii=self.pick([True, False]))
        else:
            text = json.dumps(notebook, indent=self.pick([1, 2, "\t"]))
        return text.replace("\n", "\r\n") if self.random.random() < 0.1 else text


def walk(value, way=()):
    yield way
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield from walk(member, (*way, key))


def generate(target, seed):
    make = Maker(seed)
    for number in range(VALID):
        put(target, f"made-{number:03}", make.spelt(make.any_notebook()))
    for number in range(BROKEN):
        put(target, f"broken-{number:03}", make.spelt(make.broken(make.any_notebook())))
    for name, content in edge_cases().items():
        put(target, f"edge-{name}", content)


def put(target, name, content):
    content = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    (target / f"{name}.ipynb").write_bytes(content)


def edge_cases():
    """Around one member of the metadata; each must come out as Python's, or be refused by both."""

    def around(value, minor=4):
        return f'{{"cells": [], "metadata": {{"x": {value}}}, "nbformat": 4, "nbformat_minor": {minor}}}'

    cell = '{"cell_type": "code", "execution_count": null, "metadata": {}, "source": %s, "outputs": [%s]}'
    large = json.dumps({"output_type": "stream", "name": "stdout", "text": "0123456789 ü\n" * 400_000})
    return {
        "nothing": "",
        "space": " \n",
        "byte-order-mark": "\ufeff" + around("1"),
        "utf-16": around("1").encode("utf-16"),
        "latin-1": around('"ü"').encode("latin-1"),
        "cut": around("1")[:-1],
        "more": around("1") + "x",
        "comma": around("[1,]"),
        "not-an-object": "[]",
        "a-text": '"cells"',
        "nul": around('"\\u0000"'),
        "raw-control": around('"\x01"'),
        "nan": around("NaN"),
        "infinity": around("[Infinity, -Infinity]"),
        "too-large": around("1e999"),
        "surrogate": around('"\\ud800"'),
        "surrogates-reversed": around('"\\udc00\\ud800"'),
        "surrogate-pair": around('"\\ud83d\\ude00"'),
        "duplicate-keys": around('{"a": 1, "b": 2, "a": 3}'),
        "many-keys": around(json.dumps({f"k{number % 40}-{number}": number for number in range(200)})),
        "nested": around("[" * 100 + "]" * 100),
        "nested-objects": around('{"a":' * 100 + "1" + "}" * 100),
        "numbers": around("[1.0, 1e0, 1E+2, 1.10, 0.1e-6, 1e-7, 12345678901234567890123, -0, -0.0, 1e16, 1e15, 2.5e-5]"),
        "digits": around("9" * 300),
        "solidus": around('"\\/ \\b\\f\\n\\r\\t"'),
        "empty-key": around('{"": {"": []}}'),
        "minor-missing": '{"cells": [], "metadata": {}, "nbformat": 4}',
        "minor-large": around("1", 4000),
        "minor-negative": around("1", -1),
        "version-5": '{"cells": [], "metadata": {}, "nbformat": 5, "nbformat_minor": 0}',
        "version-0": '{"cells": [], "metadata": {}, "nbformat": 0, "nbformat_minor": 0}',
        "large": '{"cells": [%s], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}' % (cell % ('"x"', large)),
        "crlf-lines": '{"cells": [%s], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}'
        % (cell % ('["a\\r", "\\nb\\r\\n", "\\u2028"]', "")),
    }
