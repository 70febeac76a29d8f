#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where namespaces or ptrace are refused, the rules that the remaining observers decide are judged, and nothing is guessed.

refused.py SOCKSPEC TARGETS: TARGETS is the folder of the plain reference programs and the broken ones. Refuses by itself
(refuse.py), so it needs nothing that a container lacks but seccomp; the tests that refuse ptrace alone are skipped where
namespaces cannot be made.
"""
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import unittest

SOCKSPEC, TARGETS = sys.argv[1:3]
REFUSE = [sys.executable, str(pathlib.Path(__file__).with_name("refuse.py"))]
ECHO = ["--profile", "echo", "--", f"{TARGETS}/echo-epoll", "--port", "{port}"]
# Closes first, so that the TIME-WAIT is its own, and does not set SO_REUSEADDR.
CLOSES_FIRST = """
import os, signal, socket, sys
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
s = socket.socket()
s.bind(("127.0.0.1", int(sys.argv[1])))
s.listen()
while True:
    c, _ = s.accept()
    c.sendall(c.recv(4096))
    c.close()
"""
CRASHES = """
import os, signal, socket, sys
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
c, _ = s.accept()
c.recv(4096)
os.kill(os.getpid(), signal.SIGSEGV)
"""
NETWORK = "a network namespace is refused: Operation not permitted"
PTRACE = "ptrace is refused: Operation not permitted"


def check(refused, *arguments):
    """Exit code, the report, and what was printed."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        command = [SOCKSPEC, "check", "--json", out.name, *arguments]
        command = [*REFUSE, refused, *command] if refused else command
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        text = pathlib.Path(out.name).read_text(encoding="utf-8")
        return done.returncode, json.loads(text)["verdicts"] if text else [], done.stdout + done.stderr


def of_grade(verdicts, *grades):
    return [verdict for verdict in verdicts if verdict["grade"] in grades]


NAMESPACES_REFUSED = check("", "--case", "server/half-close/answer-after-fin", *ECHO)[0] != 0


class WithoutNamespaces(unittest.TestCase):
    def test_reference_server_keeps_what_can_be_seen(self):
        code, verdicts, printed = check("namespaces", "--case", "server/[acd]*/[a-f]*", *ECHO)
        self.assertEqual(code, 0, printed)
        self.assertEqual(of_grade(verdicts, "FAIL", "WARN", "ERROR"), [])
        self.assertGreater(len(of_grade(verdicts, "PASS")), 200)
        self.assertEqual(printed.count(NETWORK), 1, "the refused observer is named once")

    def test_case_that_holds_the_wire_is_skipped_with_the_reason(self):
        code, verdicts, _ = check("namespaces", "--case", "server/half-close/answer-after-fin", *ECHO)
        self.assertEqual((code, {verdict["grade"] for verdict in verdicts}), (77, {"SKIP"}))
        for verdict in verdicts:
            self.assertEqual(verdict["detail"], "'wire hold to-target': it needs a wire of its own, which was refused here")

    def test_client_is_judged(self):
        code, verdicts, printed = check("namespaces", "client-http", "--targets", TARGETS, "--world", "linux",
                                        "--case", "client/[ct]*/*")
        self.assertEqual(code, 0, printed)
        self.assertGreater(len(of_grade(verdicts, "PASS")), 20)

    def test_broken_targets_are_caught(self):
        # By a call and a state, by the end of the program, by its descriptors, by an RST that nobody saw.
        for target, rule, case in (("acc-12-emfile-spins", "ACC-12", "server/errors/no-descriptors"),
                                   ("fdh-01-leak-on-abort", "FDH-01", "server/abrupt/after-answer"),
                                   ("rst-13-reset-ends-server", "RST-13", "server/abrupt/after-answer"),
                                   ("clo-06-close-wait-for-ever", "CLO-06", "server/accept/one-after-another"),
                                   ("clo-16-linger-zero", "CLO-16", "server/data/one-request")):
            with self.subTest(target):
                _, verdicts, printed = check("namespaces", target, "--targets", TARGETS, "--world", "linux",
                                             "--rule", rule, "--case", case)
                self.assertTrue(of_grade(verdicts, "FAIL", "WARN"), printed)

    def test_port_of_another_program_is_an_error(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = str(other.getsockname()[1])
            code, verdicts, _ = check("namespaces", "--port", port, "--case", "server/data/one-request", *ECHO)
        self.assertEqual(code, 3)
        self.assertIn(f"port {port} is another program's", verdicts[0]["detail"])

    def test_time_wait_does_not_keep_the_next_case_from_its_port(self):
        server = ["--profile", "echo", "--", sys.executable, "-c", CLOSES_FIRST, "{port}"]
        _, verdicts, printed = check("namespaces", "--case", "server/data/[bop]*", *server)
        self.assertGreater(len({verdict["case"] for verdict in verdicts}), 1)
        self.assertNotIn("EADDRINUSE", json.dumps(verdicts), printed)


class WithoutPtrace(unittest.TestCase):
    def nothing_is_guessed(self, refused, judged):
        _, verdicts, printed = check(refused, "--case", "server/[dh]*/[a-h]*", *ECHO)
        self.assertEqual(of_grade(verdicts, "FAIL", "WARN", "ERROR"), [], printed)
        self.assertEqual(printed.count(PTRACE), 1, "the refused observer is named once")
        self.assertTrue(any(verdict["detail"] == "calls were not seen, which it needs" for verdict in verdicts))
        unseen = [verdict["detail"] for verdict in verdicts if "never came" in verdict["detail"]]
        self.assertEqual(unseen, [], "nobody can tell that a call never came")
        self.assertTrue(any("calls are neither seen nor made to fail here" in verdict["detail"] for verdict in verdicts))
        self.assertEqual({verdict["rule"] for verdict in of_grade(verdicts, "PASS")}, judged)
        return printed

    def broken_targets_are_caught(self, refused, rows):
        for target, rule, case in rows:
            with self.subTest(target):
                _, verdicts, printed = check(refused, target, "--targets", TARGETS, "--world", "linux", "--rule", rule,
                                             "--case", case)
                self.assertTrue(of_grade(verdicts, "FAIL", "WARN"), printed)

    def crash_is_seen(self, refused):
        server = ["--profile", "echo", "--", sys.executable, "-c", CRASHES, "{port}"]
        code, verdicts, printed = check(refused, "--case", "server/data/one-request", *server)
        self.assertEqual((code, [verdict["rule"] for verdict in of_grade(verdicts, "FAIL")]), (1, ["CRASH"]), printed)

    @unittest.skipIf(NAMESPACES_REFUSED, "namespaces are refused here")
    def test_with_namespaces(self):
        self.nothing_is_guessed("ptrace", {"CLO-06", "HCL-04"})
        self.crash_is_seen("ptrace")
        self.broken_targets_are_caught("ptrace", (
            ("hcl-04-half-close-is-close", "HCL-04", "server/half-close/answer-after-fin"),))

    def test_without_namespaces(self):
        printed = self.nothing_is_guessed("namespaces,ptrace", {"CLO-06"})
        self.assertEqual(printed.count(NETWORK), 1)
        self.crash_is_seen("namespaces,ptrace")
        


if __name__ == "__main__":
    if os.uname().machine != "x86_64" and not os.environ.get("SOCKSPEC_NO_SKIP"):
        print("skipped: refuse.py knows the numbers of calls on x86-64 only")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
