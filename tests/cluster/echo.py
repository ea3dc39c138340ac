"""A component for tests: says how it was started."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Echo(BaseHTTPRequestHandler):
    """Answers every GET with arguments and environment."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"argv": sys.argv[1:], "environment": dict(os.environ)}).encode())


if __name__ == "__main__":
    port = int(os.environ["FOOSETS_HTTP_PORT"])
    ThreadingHTTPServer((os.environ["FOOSETS_HTTP_HOST"], port), Echo).serve_forever()
