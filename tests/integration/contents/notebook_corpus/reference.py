"""What jupyter_server answers to a notebook on disk, to that answer sent back, and to the notebook sent as it is."""

import json
import logging
import os
import warnings
from pathlib import Path


class Reference:
    def __init__(self, work):
        os.environ["JUPYTER_DATA_DIR"] = str(work / "data")
        os.environ["JUPYTER_CONFIG_DIR"] = str(work / "config")
        self.root = work / "reference"
        self.root.mkdir()
        (work / "data").mkdir()
        logging.disable(logging.CRITICAL)
        warnings.simplefilter("ignore")
        from jupyter_server.services.contents.filemanager import FileContentsManager
        from traitlets.config import Config

        config = Config({"NotebookNotary": {"db_file": ":memory:"}})
        self.manager = FileContentsManager(root_dir=str(self.root), config=config)

    def answer_all(self, source, target):
        for file in sorted(source.glob("*.ipynb")):
            (target / f"{file.name}.json").write_text(json.dumps(self.answer(file)))

    def answer(self, file):
        text = file.read_bytes()
        copy = self.root / file.name
        copy.write_bytes(text)
        answer = {"read": attempt(lambda: self.get(file.name))}
        if "content" in answer["read"]:
            content = json.loads(answer["read"]["content"])
            answer["saved"] = attempt(lambda: self.save(copy, content))
        copy.unlink(missing_ok=True)
        try:
            content = json.loads(text.decode("utf-8"))
        except (ValueError, RecursionError):
            return answer
        answer["sent"] = attempt(lambda: self.save(copy, content))
        copy.unlink(missing_ok=True)
        return answer

    def get(self, name):
        model = self.manager.get(name)
        # Spelt as ours; what is no JSON no browser can read.
        content = json.dumps(model["content"], allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        return {"content": content, "message": model.get("message")}

    def save(self, file, content):
        model = self.manager.save({"type": "notebook", "content": content}, file.name)
        return {"file": file.read_bytes().decode("utf-8"), "message": model.get("message")}


def attempt(action):
    try:
        return action()
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
