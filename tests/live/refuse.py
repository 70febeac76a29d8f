#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command as in a container that refuses some of what the live world is made of.

refuse.py namespaces,ptrace COMMAND…: a seccomp filter answers EPERM to unshare (no namespaces can be made), ptrace, or both;
without namespaces root has no CAP_NET_ADMIN either.
"""
import ctypes
import os
import platform
import struct
import sys

NUMBERS = {"namespaces": 272, "ptrace": 101}  # of unshare and ptrace on x86-64
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
PR_CAPBSET_DROP, CAP_NET_ADMIN = 24, 12
LOAD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO_EPERM = 0x7FFF0000, 0x00050001


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def refuse(names):
    """For this process and all that it starts."""
    lines = [(LOAD, 0, 0, 0)]
    for name in names:
        lines += [(JUMP_EQUAL, 0, 1, NUMBERS[name]), (RETURN, 0, 0, ERRNO_EPERM)]
    lines.append((RETURN, 0, 0, ALLOW))
    code = b"".join(struct.pack("HBBI", *line) for line in lines)
    libc = ctypes.CDLL(None, use_errno=True)
    if "namespaces" in names:
        libc.prctl(PR_CAPBSET_DROP, CAP_NET_ADMIN)  # who may drop none has none
    program = Program(len(lines), code)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program)):
        raise OSError(ctypes.get_errno(), "seccomp")


if __name__ == "__main__":
    if platform.machine() != "x86_64":
        sys.exit("refuse.py: knows the numbers of calls on x86-64 only")
    refuse(sys.argv[1].split(","))
    os.execvp(sys.argv[2], sys.argv[2:])
