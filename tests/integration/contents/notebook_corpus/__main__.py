"""Makes a directory of notebooks and says of each what the reference answers and writes.

Arguments: the wheels to take notebooks from, a directory of more, where to put all, and the seed of the generated ones.
"""

import sys
from pathlib import Path

from collect import collect
from generate import generate
from reference import Reference

wheels, fixtures, work = map(Path, sys.argv[1:4])
source, expected = work / "source", work / "expected"
source.mkdir()
expected.mkdir()
collect(wheels, fixtures, source)
generate(source, int(sys.argv[4]))
Reference(work).answer_all(source, expected)
