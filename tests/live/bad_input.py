#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Commands that are no well-behaved servers: each gets a clear verdict or error in bounded time, and nothing stays behind.

bad_input.py SOCKSPEC. Exits 77 with the reason where this machine refuses namespaces (1 where SOCKSPEC_NO_SKIP is set).
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOCKSPEC = sys.argv[1]
PYTHON = os.path.realpath(sys.executable)
CASE = "server/data/one-request"
WIRE_CASE = "server/half-close/answer-after-fin"  # all of it is SKIP where namespaces are refused
BOUND_S = 300  # far above what is needed: not a measure of speed, but of whether it ends
SERVER = """
import os, signal, socket, sys, time
PORT, MARK = int(sys.argv[1]), sys.argv[2]
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
def serve(port):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("", port))
    s.listen()
    while True:
        c, _ = s.accept()
        while data := c.recv(4096):
            c.sendall(data)
        c.close()
"""
SLEEPING_CHILDREN = """
for _ in range(3):
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.setsid()
        while True:
            time.sleep(1000)
"""


def carriers(mark):
    """The processes whose command line has this word."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if mark.encode() in words and b"sockspec" not in words[0]:
            found.append(int(folder.name))
    return found


class BadInput(unittest.TestCase):
    def play(self, program, case=CASE):
        """Exit code, verdicts, what was printed; nothing may be left of the program."""
        mark = f"mark-{os.getpid()}-{self.id()}"
        with tempfile.NamedTemporaryFile(suffix=".json") as out:
            done = subprocess.run([SOCKSPEC, "check", "--profile", "echo", "--case", case, "--json", out.name,
                                   "--", PYTHON, "-c", SERVER + program, "{port}", mark],
                                  capture_output=True, text=True, check=False, timeout=BOUND_S)
            report = json.loads(pathlib.Path(out.name).read_text(encoding="utf-8") or '{"verdicts": []}')
        self.assertEqual(carriers(mark), [], "a process was left behind")
        return done.returncode, report["verdicts"], done.stdout + done.stderr

    def fails_to_start(self, program, text):
        code, verdicts, _ = self.play(program, case="*")
        self.assertEqual(code, 3)
        errors = [verdict for verdict in verdicts if verdict["grade"] == "ERROR"]
        self.assertGreaterEqual(len(errors), 3)
        self.assertLess(len(errors), 8, "after the first few the others are not tried")
        for error in errors:
            self.assertIn(text, error["detail"])

    def is_judged(self, program, case=CASE):
        code, verdicts, printed = self.play(program, case=case)
        self.assertEqual(code, 0, printed)
        self.assertGreater(sum(verdict["grade"] == "PASS" for verdict in verdicts), 5, printed)
        return {verdict["rule"]: verdict for verdict in verdicts}

    def test_command_that_does_not_exist_is_a_usage_error(self):
        done = subprocess.run([SOCKSPEC, "check", "--profile", "echo", "--", "./no-such-program", "{port}"],
                              capture_output=True, text=True, check=False, timeout=BOUND_S)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("no-such-program", done.stderr)

    def test_command_that_exits_at_once_is_told_with_its_status_and_words(self):
        self.fails_to_start("print('no such option', flush=True); os._exit(5)", "ended with status 5 before it listened")
        _, verdicts, _ = self.play("print('no such option', flush=True); os._exit(5)")
        self.assertIn("no such option", verdicts[0]["detail"])

    def test_command_that_never_listens_is_told(self):
        self.fails_to_start("signal.pause()", "does not listen on port 7000 and sleeps")

    def test_command_that_listens_elsewhere_is_told_where(self):
        self.fails_to_start("serve(7999)", "does not listen on port 7000: it listens on port 7999")

    def test_command_that_ignores_its_stop_signal_is_ended_and_warned_of(self):
        rules = self.is_judged("signal.signal(signal.SIGTERM, signal.SIG_IGN); serve(PORT)")
        self.assertEqual(rules["CLO-12"]["grade"], "WARN")
        self.assertIn("it ignores the stop signal", rules["CLO-12"]["detail"])

    def test_daemon_is_followed(self):
        rules = self.is_judged("os.fork() and os._exit(0)\nos.setsid()\nserve(PORT)",
                               case="server/data/split-request")
        self.assertEqual(rules["DAT-02"]["grade"], "PASS")

    def test_daemon_by_two_forks_is_followed(self):
        rules = self.is_judged("os.fork() and os._exit(0)\nos.setsid()\nos.fork() and os._exit(0)\nserve(PORT)",
                               case="server/data/split-request")
        self.assertEqual(rules["DAT-02"]["grade"], "PASS")

    def test_children_that_outlive_the_command_are_ended(self):
        self.is_judged(SLEEPING_CHILDREN + "serve(PORT)")

    def test_child_that_goes_on_listening_is_warned_of_and_ended(self):
        rules = self.is_judged("""
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    serve(PORT)
signal.pause()
""")
        self.assertEqual(rules["FDH-08"]["grade"], "WARN")

    def test_megabytes_of_output_do_no_harm(self):
        _, _, printed = self.play("for _ in range(16): os.write(2, b'noise ' * (1 << 18))\nserve(PORT)")
        self.assertNotIn("noise", printed)
        self.is_judged("for _ in range(16): os.write(1, b'noise ' * (1 << 18))\nserve(PORT)")

    @unittest.skipIf(os.geteuid() != 0, "only root may become somebody else")
    def test_command_that_changes_its_user_is_judged(self):
        self.is_judged("os.setgid(65534); os.setuid(65534); serve(PORT)")


def refused():
    """Why the live world cannot run here; empty where it can."""
    done = subprocess.run([SOCKSPEC, "check", "--profile", "echo", "--case", WIRE_CASE, "--", PYTHON, "-c",
                           SERVER + "serve(PORT)", "{port}", "probe"], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip()


if __name__ == "__main__":
    reason = refused()
    if reason and not os.environ.get("SOCKSPEC_NO_SKIP"):
        print("skipped:", reason)
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
