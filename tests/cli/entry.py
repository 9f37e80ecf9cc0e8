"""What the tests of the command line share besides fixtures."""

import sys
from pathlib import Path

ENTRY = Path(sys.executable).with_name("plait")  # the console script
RECORD = (
    *("prompt", "answer", "text", "streams", "rounds", "forwards", "query_tokens", "answer_tokens"),
    *("tokens_per_forward", "arness", "seconds"),
)
