# A web server over a directory that tells versions of its files apart, and logs what it sends.
# Of a file whose name begins with "held" it sends half until a file "release" is there; one whose name
# begins with "plain" has no ETag.
import hashlib, http.server, os, sys, time

directory, log = sys.argv[1], sys.argv[2]


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def note(self, status, name):
        with open(log, "a") as file:
            file.write(f"{status} {name}\n")

    def do_GET(self):
        name = os.path.basename(self.path.split("?")[0])
        try:
            with open(os.path.join(directory, name), "rb") as file:
                data = file.read()
        except OSError:
            self.note(404, name)
            self.send_error(404)
            return
        etag = f'"{hashlib.sha256(data).hexdigest()}"'
        if self.headers.get("If-None-Match") == etag:
            self.note(304, name)
            self.send_response(304)
            self.end_headers()
            return
        self.note(200, name)
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        if not name.startswith("plain"):
            self.send_header("ETag", etag)
        self.end_headers()
        half = len(data) // 2 if name.startswith("held") else 0
        try:
            self.wfile.write(data[:half])
            self.wfile.flush()
            deadline = time.monotonic() + 60
            while half and not os.path.exists(os.path.join(directory, "release")):
                if time.monotonic() > deadline:
                    return
                time.sleep(0.05)
            self.wfile.write(data[half:])
        except OSError:
            # The client has gone.
            pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(server.server_port, flush=True)
server.serve_forever()
