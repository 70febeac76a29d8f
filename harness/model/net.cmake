# SPDX-License-Identifier: Apache-2.0
# The network's side of the model.
set(MODEL_NET_SOURCES
  model.c net.c wire.c socket.c socket_listen.c socket_receive.c socket_timer.c socket_open.c socket_data.c
  socket_calls.c congestion.c round_trip.c option.c scripted.c scripted_app.c
  scripted_process.c)
