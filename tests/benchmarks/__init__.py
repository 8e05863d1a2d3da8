"""The measurements of the scalar engine beside its peers: ``python -m tests.benchmarks``.

The peers run these files too, in environments that know neither this package nor each other.
So the files import one another by their plain names, from this folder.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
