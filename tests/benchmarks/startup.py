"""What an import costs: ``startup.py MODULE``, in a process that has imported nothing else."""

import sys
import time

start = time.process_time()
__import__(sys.argv[1])
seconds = time.process_time() - start

HEAVY = ("numpy", "graphviz", "tqdm")
loaded = [f'"{name}"' for name in HEAVY if name in sys.modules]
print(f'{{"seconds": {seconds}, "loaded": [{", ".join(loaded)}]}}')
