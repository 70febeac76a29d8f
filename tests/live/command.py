#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The live world as people use it: `sockspec check -- COMMAND` on programs that were never built with sockspec.

command.py SOCKSPEC TARGETS: TARGETS is the folder of the plain reference programs. Exits 77 with the reason where this
machine refuses namespaces (1 where SOCKSPEC_NO_SKIP is set).
"""
import json
import os
import pathlib
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

SOCKSPEC, TARGETS = sys.argv[1:3]
ECHO = [f"{TARGETS}/echo-epoll", "--port", "{port}"]
WIRE_CASE = "server/half-close/answer-after-fin"  # all of it is SKIP where namespaces are refused
CLIENT = [f"{TARGETS}/client-echo", "--host", "{host}", "--port", "{port}", "--requests", "3"]
PYTHON_ECHO = """
import socketserver, signal, sys
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(4096):
            self.request.sendall(data)
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
Server(("", int(sys.argv[1])), Echo).serve_forever()
"""
# Uses the processor, without a call, in the state that it is told.
SPINNING_ECHO = """
import os, signal, socket, sys
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
def enter(state):
    while state == sys.argv[2]:
        pass
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("", int(sys.argv[1])))
s.listen()
while True:
    c, _ = s.accept()
    try:
        while data := c.recv(4096):
            c.sendall(data)
        enter("half-closed")
    except OSError:
        enter("reset")
    c.close()
"""

# Reads with io_submit, which nobody can follow, and asks for io_uring in vain. Calls by their numbers on x86-64.
ASYNCHRONOUS_ECHO = """
import ctypes, os, signal, socket, struct, sys
call = ctypes.CDLL(None).syscall
call(425, 8, ctypes.create_string_buffer(120))
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
context = ctypes.c_ulong()
call(206, 8, ctypes.byref(context))
def read(fd):
    data, done = ctypes.create_string_buffer(4096), ctypes.create_string_buffer(32)
    request = ctypes.create_string_buffer(struct.pack("=QIiHhIQQqQII", 0, 0, 0, 0, 0, fd, ctypes.addressof(data), 4096, 0, 0, 0, 0))
    call(209, context, 1, ctypes.byref(ctypes.c_void_p(ctypes.addressof(request))))
    call(208, context, 1, 1, done, None)
    return data.raw[:max(struct.unpack("=QQqq", done.raw)[2], 0)]
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("", int(sys.argv[1])))
s.listen()
while True:
    c, _ = s.accept()
    while data := read(c.fileno()):
        c.sendall(data)
    c.close()
"""

# Looks again and again whether its bytes are acknowledged, for three seconds, and then closes.
NAPPING_CLIENT = """
import socket, sys, time
c = socket.create_connection((sys.argv[1], int(sys.argv[2])))
c.sendall(b"x" * 31 + b"\\n")
end = time.monotonic() + 3
while time.monotonic() < end:
    time.sleep(0.0005)
c.close()
"""


def sockspec(*arguments, **options):
    return subprocess.run([SOCKSPEC, *arguments], capture_output=True, text=True, check=False, **options)


def verdicts(*arguments):
    """Exit code and grade by (case, rule)."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        done = sockspec(*arguments[:1], "--json", out.name, *arguments[1:])
        report = json.loads(pathlib.Path(out.name).read_text(encoding="utf-8") or '{"verdicts": []}')
    return done.returncode, {(v["case"], v["rule"]): v["grade"] for v in report["verdicts"]}


def descendants(pid):
    """Those of a process that has just ended are nobody's any more."""
    found = []
    try:
        for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
            for child in task.read_text(encoding="ascii").split():
                found += [int(child), *descendants(int(child))]
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


def everyone():
    return [int(folder.name) for folder in pathlib.Path("/proc").glob("[0-9]*")]


def namespaces_of(pids):
    """The network namespaces of those processes that live and that this one may look at."""
    found = set()
    for pid in pids:
        try:
            found.add(os.readlink(f"/proc/{pid}/ns/net"))
        except OSError:
            pass
    return found


def wait_for_programs(check, count):
    """Until that many echo servers run somewhere below the check; descriptors of all below it to wait for their ends."""
    while True:
        tree = descendants(check.pid)
        if sum(is_echo(pid) for pid in tree) >= count:
            try:
                return [os.pidfd_open(pid) for pid in tree]
            except ProcessLookupError:
                continue
        if check.poll() is not None:
            raise AssertionError("the check ended before its target ran")


def is_echo(pid):
    try:
        return pathlib.Path(os.readlink(f"/proc/{pid}/exe")).name.startswith("echo-")
    except OSError:
        return False


def blocks(data):
    """Type and body of each block of a pcapng file; the lengths at both ends of a block must agree."""
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        assert struct.unpack_from("<I", data, at + length - 4)[0] == length
        yield kind, data[at + 8:at + length - 4]
        at += length


class Command(unittest.TestCase):
    def test_more_cases_at_once_than_processors_bear_are_cut_with_a_notice(self):
        done = sockspec("check", "--profile", "echo", "--case", "server/data/one-request", "--jobs", "256", "--", *ECHO)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("--jobs 256: ", done.stderr)

    def test_correct_server_breaks_no_rule(self):
        code, grades = verdicts("check", "--profile", "echo", "--", *ECHO)
        self.assertEqual(code, 0)
        self.assertEqual({grade for grade in grades.values() if grade not in ("PASS", "SKIP", "INFO")}, set())
        self.assertGreater(sum(grade == "PASS" for grade in grades.values()), 1000)

    def test_correct_client_breaks_no_rule(self):
        code, grades = verdicts("check", "--profile", "echo", "--role", "client", "--", *CLIENT)
        self.assertEqual(code, 0)
        self.assertGreater(sum(grade == "PASS" for grade in grades.values()), 300)

    def test_client_that_naps_is_not_held_to_what_it_would_still_close(self):
        code, grades = verdicts("check", "--profile", "echo", "--role", "client", "--case", "client/close/answer-and-fin",
                                "--", sys.executable, "-c", NAPPING_CLIENT, "{host}", "{port}")
        self.assertIn(code, (0, 77), grades)  # the case wants a second connection, which does not come

    def test_program_that_closes_every_number_is_judged(self):
        sweep = "import os\nfor fd in range(3, 11000):\n try: os.close(fd)\n except OSError: pass\n"
        code, grades = verdicts("check", "--profile", "echo", "--case", "server/data/one-request", "--", sys.executable, "-c",
                                sweep + PYTHON_ECHO, "{port}")
        self.assertEqual(code, 0)
        self.assertEqual(grades["server/data/one-request", "FDH-02"], "PASS")

    def test_profile_of_another_protocol_is_told(self):
        one = ["--case", "server/data/one-request", "--", *ECHO]
        self.assertIn("in no case did it answer as the profile ftp expects", sockspec("check", "--profile", "ftp", *one).stdout)
        self.assertNotIn("in no case", sockspec("check", "--profile", "echo", *one).stdout)

    def test_client_that_never_connects_is_told(self):
        cases = ["--role", "client", "--profile", "echo", "--case", "client/answer/*", "--"]
        self.assertIn("in no case was there a connection: the client has to connect",
                      sockspec("check", *cases, "true", "{host}", "{port}").stdout)
        self.assertNotIn("in no case", sockspec("check", *cases, f"{TARGETS}/client-echo", "--host", "{host}", "--port",
                                                "{port}").stdout)

    def test_broken_server_is_caught_by_its_rule(self):
        code, grades = verdicts("check", "--profile", "echo", "--case", "server/abrupt/*", "--",
                                f"{TARGETS}/fdh-01-leak-on-abort", "--port", "{port}")
        self.assertEqual(code, 1)
        self.assertIn("FAIL", {grade for (_, rule), grade in grades.items() if rule == "FDH-01"})

    def test_memory_that_grows_with_connections_is_caught(self):
        for target, grade in (("fdh-11-thread-not-joined", "FAIL"), ("echo-threads", "PASS")):
            _, grades = verdicts("check", "--profile", "echo", "--case", "server/hygiene/heap-normal", "--",
                                 f"{TARGETS}/{target}", "--port", "{port}")
            self.assertEqual(grades[("server/hygiene/heap-normal", "FDH-11")], grade, target)

    def test_server_that_never_rests_is_caught_by_the_first_cases(self):
        code, grades = verdicts("check", "--profile", "echo", "--", f"{TARGETS}/rdy-13-watcher-spins", "--port", "{port}")
        self.assertEqual(code, 1)
        self.assertEqual({grade for (_, rule), grade in grades.items() if rule == "RDY-13"}, {"FAIL"})
        self.assertLess(len({case for case, rule in grades if rule == "RDY-13"}), 8, "the others are not tried")

    def test_processor_used_at_rest_is_caught_in_every_state(self):
        for state, case in (("half-closed", "server/half-close/after-answer"),
                            ("reset", "server/abrupt/after-answer")):
            code, grades = verdicts("check", "--profile", "echo", "--case", case, "--", sys.executable, "-c", SPINNING_ECHO,
                                    "{port}", state)
            self.assertEqual(code, 1, state)
            self.assertEqual({rule for (_, rule), grade in grades.items() if grade == "FAIL"}, {"RDY-13"}, state)

    def test_queue_without_limit_is_caught(self):
        for target, grade in (("dat-19-queue-without-limit", "WARN"), ("echo-fork", "PASS")):
            _, grades = verdicts("check", "--profile", "echo", "--case", "server/hygiene/queue-for-stalled-reader", "--",
                                 f"{TARGETS}/{target}", "--port", "{port}")
            self.assertEqual(grades[("server/hygiene/queue-for-stalled-reader", "DAT-19")], grade, target)

    def test_what_a_manifest_says_can_be_said_on_the_command_line(self):
        """Its port by the environment, a working folder, an open input, a stop signal and what is known of it."""
        server = PYTHON_ECHO.replace("signal.SIGTERM", "signal.SIGINT").replace("int(sys.argv[1])", 'int(os.environ["PORT"])')
        with tempfile.TemporaryDirectory() as folder:
            check = f"import os, select\nassert os.path.samefile('.', {folder!r})\nassert not select.select([0], [], [], 0)[0]\n"
            settings = ("env=PORT={port}", f"folder={folder}", "input=open", "stop_signal=INT", "promises.persistent=no",
                        "known-failures.server/data/* ACC-10 = socketserver's")
            code, grades = verdicts("check", "--profile", "echo", "--case", "server/data/*",
                                    *(word for setting in settings for word in ("--set", setting)), "--",
                                    sys.executable, "-c", check + server)
        self.assertEqual(code, 0)
        self.assertEqual(grades["server/data/split-request", "ACC-10"], "EXPECTED")
        self.assertEqual(grades["server/data/split-request", "DAT-02"], "PASS")
        self.assertEqual({grade for (_, rule), grade in grades.items() if rule == "CLO-12"}, {"PASS"})
        self.assertEqual({grade for (case, _), grade in grades.items() if case == "server/data/pipelined"}, {"SKIP"})

    def test_trace_is_of_the_play_that_was_judged(self):
        """A server that counts its starts in a file, and answers nothing the first time."""
        with tempfile.TemporaryDirectory() as folder:
            path, out = os.path.join(folder, "starts"), os.path.join(folder, "trace.jsonl")
            server = f"import os\nfirst = not os.path.exists({path!r})\nopen({path!r}, 'a').write('x')\n" + PYTHON_ECHO.replace(
                "def handle(self):", "def handle(self):\n        if first: return")
            done = sockspec("replay", "server/data/split-request", "--trace", out, "-v", "--profile", "echo", "--",
                            sys.executable, "-c", server, "{port}")
            with open(path, encoding="ascii") as starts:
                self.assertEqual(starts.read(), "x")
            events = pathlib.Path(out).read_text(encoding="utf-8")
        self.assertTrue('"connected"' in events)
        self.assertFalse("response complete" in events)
        self.assertFalse("response complete" in done.stdout)

    def test_interpreted_threaded_server_is_judged(self):
        code, grades = verdicts("check", "--profile", "echo", "--case", "server/data/*", "--", sys.executable, "-c",
                                PYTHON_ECHO, "{port}")
        self.assertIn(code, (0, 1))
        self.assertEqual(grades[("server/data/split-request", "DAT-02")], "PASS")
        self.assertNotIn("ERROR", grades.values())

    def test_verdicts_are_the_same_ten_times_also_on_busy_processors(self):
        def played():
            return verdicts("check", "--profile", "echo", "--case", "server/[ad][ab]*", "--", *ECHO)

        first = played()
        # Where the kernel cuts a large answer, and so which calls come short, is part of it.
        self.assertEqual(first[1][("server/data/large", "DAT-05")], "PASS")
        self.assertEqual(first[1][("server/abrupt/in-answer", "RST-13")], "PASS")
        for _ in range(4):
            self.assertEqual(played(), first)
        busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
        try:
            for _ in range(5):
                self.assertEqual(played(), first)
        finally:
            for process in busy:
                process.kill()
                process.wait()

    def ends_with_nothing_left(self, number, *options):
        """The exit status of a check that this signal ends, or -number."""
        with subprocess.Popen([SOCKSPEC, "check", *options, "--profile", "echo", "--", *ECHO],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as check:
            tree = wait_for_programs(check, 1)
            owned = namespaces_of(descendants(check.pid)) - namespaces_of([os.getpid()])
            check.send_signal(number)
            check.wait()
        for descriptor in tree:
            self.assertTrue(select.select([descriptor], [], [], 60)[0], "a process outlived the check")
            os.close(descriptor)
        self.assertEqual(namespaces_of(everyone()) & owned, set())
        return check.returncode

    def test_killed_check_leaves_nothing(self):
        self.ends_with_nothing_left(signal.SIGKILL)

    def test_interrupted_check_leaves_nothing_but_its_report(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "report.json")
                self.assertEqual(self.ends_with_nothing_left(number, "--json", path), 3)
                with open(path, encoding="utf-8") as stream:
                    report = json.load(stream)
                self.assertRegex(report["notices"][-1]["text"], r"^interrupted: \d+ further cases were not tried$")

    def test_interrupted_check_of_several_merges_what_there_is(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "report.json")
            with subprocess.Popen([SOCKSPEC, "check", "--targets", TARGETS, "--world", "linux", "--json", path,
                                   "echo-epoll", "echo-poll"], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.PIPE, text=True) as check:
                for descriptor in wait_for_programs(check, 1):
                    os.close(descriptor)
                check.send_signal(signal.SIGINT)
                words = check.stderr.read()
            self.assertEqual(check.returncode, 3)
            self.assertIn("interrupted: 1 of 2 were not begun", words)
            with open(path, encoding="utf-8") as stream:
                report = json.load(stream)
            self.assertEqual(report["target"], "echo-epoll")

    def killed_leaves_nothing(self, targets, *arguments):
        """No process, no namespace, and no file in its folder or in that for the moment."""
        with tempfile.TemporaryDirectory() as moment, tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "target.ini").write_text("[target]\nprofile = echo\nfresh = yes\n"
                                                          f"command = {' '.join(ECHO)}\n", encoding="utf-8")
            with subprocess.Popen([SOCKSPEC, "check", *arguments, "--json", "out.json"], cwd=folder,
                                  env={**os.environ, "TMPDIR": moment}, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) as check:
                tree = wait_for_programs(check, targets)
                owned = namespaces_of(descendants(check.pid)) - namespaces_of([os.getpid()])
                self.assertNotEqual(os.listdir(moment), [])
                check.kill()
                check.wait()
            for descriptor in tree:
                self.assertTrue(select.select([descriptor], [], [], 60)[0], "a process outlived the check")
                os.close(descriptor)
            end = time.monotonic() + 60  # a target that was started since is no part of the tree
            while namespaces_of(everyone()) & owned and time.monotonic() < end:
                pass
            self.assertEqual(namespaces_of(everyone()) & owned, set())
            self.assertEqual(os.listdir(moment), [])
            self.assertEqual(os.listdir(folder), ["target.ini"])

    def test_killed_check_leaves_no_folder_and_no_file(self):
        self.killed_leaves_nothing(1, "./target.ini")

    def test_killed_check_of_several_leaves_nothing(self):
        self.killed_leaves_nothing(2, "--world", "linux", "--targets", os.path.abspath(TARGETS), "--jobs", "2", "echo-epoll",
                                   "echo-fork")

    def test_missing_program_is_a_usage_error(self):
        done = sockspec("check", "--profile", "echo", "--", "./no-such-program", "{port}")
        self.assertEqual(done.returncode, 2)
        self.assertIn("no-such-program", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_program_that_ends_at_once_is_an_error_with_its_output(self):
        done = sockspec("check", "--profile", "echo", "--case", "server/data/whole*", "--", "sh", "-c",
                        "echo no such option >&2; exit 5", "{port}")
        self.assertEqual(done.returncode, 3 if "ERROR" in done.stdout else 2, done.stdout + done.stderr)

    def test_ipv6_is_spoken_where_a_server_takes_nothing_else(self):
        echo = PYTHON_ECHO.replace("class Server(", "import socket\nclass Server(").replace(
            "daemon_threads = True", "daemon_threads = True\n    address_family = socket.AF_INET6").replace(
            'Server(("",', 'Server((sys.argv[2],')
        case = ("--case", "server/data/split-request")
        for options, host in ((), "::1"), ((), "fd83::1"), (("--ipv6",), "{host}"):
            code, grades = verdicts("check", "--profile", "echo", *options, *case, "--", sys.executable, "-c", echo, "{port}",
                                    host)
            local = host == "::1"
            self.assertEqual(code, 3 if local else 0, host)
            self.assertEqual(grades.get(("server/data/split-request", "DAT-02")), None if local else "PASS", host)

    def test_server_without_ipv6_is_told_of_where_that_was_asked_for(self):
        done = sockspec("check", "--profile", "echo", "--ipv6", "--case", "server/data/split-request", "--", *ECHO)
        self.assertEqual(done.returncode, 3)
        self.assertIn("does not listen over IPv6", done.stdout)

    def test_asynchronous_reads_are_told_of_and_rules_on_calls_left_out(self):
        with tempfile.NamedTemporaryFile(suffix=".json") as out:
            done = sockspec("check", "--json", out.name, "--profile", "echo", "--case", "server/data/split-request", "--",
                            sys.executable, "-c", ASYNCHRONOUS_ECHO, "{port}")
            report = json.loads(pathlib.Path(out.name).read_text(encoding="utf-8"))
        told = {v["rule"]: (v["grade"], v["detail"]) for v in report["verdicts"]}
        self.assertIn("io_uring, which was refused", done.stdout)
        self.assertIn("io_submit, which nobody can follow", done.stdout)
        self.assertEqual(told["DAT-02"], ("SKIP", "calls were not seen, which it needs"))
        self.assertEqual(told["CLO-06"][0], "PASS")  # by states alone

    def test_client_over_ipv6_is_judged(self):
        client = "import socket, sys; s = socket.create_connection((sys.argv[1], int(sys.argv[2])));" \
                 "s.sendall(b'x' * 31 + b'\\n'); sys.exit(s.family != socket.AF_INET6 or len(s.recv(32, 256)) != 32)"
        with tempfile.TemporaryDirectory() as folder:
            trace = pathlib.Path(folder, "trace.jsonl")
            sockspec("check", "--profile", "echo", "--role", "client", "--ipv6", "--case", "client/answer/in-two-pieces", "--trace",
                     str(trace), "--", sys.executable, "-c", client, "{host}", "{port}")
            events = [json.loads(line) for line in trace.read_text(encoding="utf-8").splitlines()]
        self.assertEqual([event.get("result", 0) for event in events if event.get("how") == "exited"], [0])
        self.assertIn(10, [event.get("domain") for event in events if event.get("call") == "connect"])

    @unittest.skipIf(os.geteuid() != 0, "only root can become another user and lend it a TUN node")
    def test_user_without_privileges_judges_through_a_user_namespace(self):
        lend = "mount -t tmpfs none /dev/net && mknod -m 666 /dev/net/tun c 10 200 && exec setpriv --reuid 65534 " \
               "--regid 65534 --clear-groups \"$@\""
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            for program in (SOCKSPEC, f"{TARGETS}/echo-epoll"):
                shutil.copy(program, folder)
            done = subprocess.run(["unshare", "-m", "sh", "-c", lend, "sh", f"{folder}/sockspec", "check", "--profile", "echo",
                                   "--case", "server/data/*", "--", f"{folder}/echo-epoll", "--port", "{port}"],
                                  capture_output=True, text=True, check=False, cwd=folder)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertNotIn("peer send request x 64", done.stdout, "the peers have room for it")
            self.assertRegex(done.stdout, r"\d\d\d PASS")

    def test_scenario_replays_in_both_worlds(self):
        scenario = "peer connect\npeer send request[0:5]\npeer reset\n"
        for world in ("model", "linux"):
            done = sockspec("replay", "-", "--target", "fdh-01-leak-on-abort", "--world", world, "--rule", "FDH-01",
                            input=scenario)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertIn("FDH-01", done.stdout)

    def test_packets_of_a_failing_play_are_saved(self):
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder, "play.pcapng")
            sockspec("replay", "server/abrupt/after-answer", "--target", "fdh-01-leak-on-abort", "--world", "linux",
                     "--pcapng", str(out))
            found = list(blocks(out.read_bytes()))
        packets = [body for kind, body in found if kind == 6]
        self.assertGreater(len(packets), 5)
        sources = {socket.inet_ntoa(body[20 + 12:20 + 16]) for body in packets}
        self.assertEqual(len(sources), 2, "both directions")
        self.assertTrue(any(b"FDH-01 broken" in body for body in packets))


def refused():
    """Why the live world cannot run here; empty where it can."""
    done = sockspec("check", "--profile", "echo", "--case", WIRE_CASE, "--", *ECHO)
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip()


if __name__ == "__main__":
    reason = refused()
    if reason and not os.environ.get("SOCKSPEC_NO_SKIP"):
        print("skipped:", reason)
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
