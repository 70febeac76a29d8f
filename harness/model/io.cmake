# SPDX-License-Identifier: Apache-2.0
# The descriptors' side of the model kernel.
set(MODEL_IO_SOURCES
  call.c console.c data.c epoll.c eventfd.c fault.c file.c pair.c pipe.c poll.c realfile.c
  ring.c signal.c signalfd.c sleep.c thread.c timer.c timerfd.c world_io.c)
