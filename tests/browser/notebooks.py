"""Notebook files, made and read."""

import json
from pathlib import Path


def write(path: Path, *sources: str, kernel: str = "python3") -> bytes:
    """Writes a notebook with these code cells and gives its bytes."""
    cells = [
        {"cell_type": "code", "execution_count": None, "id": f"cell-{number}", "metadata": {}, "outputs": [], "source": [source]}
        for number, source in enumerate(sources)
    ]
    metadata = {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": kernel},
        "language_info": {"name": "python"},
    }
    document = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(document, indent=1) + "\n")
    return path.read_bytes()


def output_text(path: Path) -> str:
    """All stream text in the notebook file."""
    document = json.loads(path.read_text())
    outputs = [output for cell in document["cells"] for output in cell.get("outputs", [])]
    return "".join("".join(output.get("text", "")) for output in outputs)
