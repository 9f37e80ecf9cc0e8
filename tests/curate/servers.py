"""A server that answers as OpenAI's does, and questions for it."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from plait.curate import teachers
from plait.curate.sample import Question

QUESTIONS = [Question(f"What is {i} + 1?", str(i + 1)) for i in range(3)]


@contextmanager
def server(reply):
    """A server whose `reply` makes (status, text, reason of the end) of a request and its number.

    Yields its address and the requests that came.
    """
    came, lock = [], threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                came.append(sent | {"path": self.path, "key": self.headers["Authorization"]})
                number = len(came)
            status, text, why = reply(sent, number)
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "message": message, "finish_reason": why}
            body = {"id": "1", "created": 0, "model": "m", "choices": [choice], "object": "x"}
            data = json.dumps(body if status == 200 else {"error": text}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args):
            pass

    here = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here.handle_error = lambda *_: None  # of a client that went away
    threading.Thread(target=here.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{here.server_port}/v1", came
    finally:
        here.shutdown()
        here.server_close()


def adding(sent, number):
    """The right sum, told with the seed."""
    start = int(sent["messages"][-1]["content"].split()[2])
    return 200, f"seed {sent['seed']}, so {start + 1}", "stop"


def asked(url, questions=QUESTIONS, count=2, seed=0, **settings):
    teacher = teachers.load("openai", model="m", url=url, wait=0.0, **settings)
    return dict(teacher(questions, count, seed))
