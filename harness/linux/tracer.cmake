# SPDX-License-Identifier: Apache-2.0
# Following the target's processes: calls, descriptors, signals, faults, sleep.
set(LINUX_TRACER_SOURCES
  asleep.c call.c calls.c descriptors.c fault.c filter.c memory.c nap.c plain.c process.c signals.c tracer.c turns.c unseen.c usage.c waits.c
  watch.c)
