# SPDX-License-Identifier: Apache-2.0
# Namespaces, wire, sock_diag and scripted sockets.
set(LINUX_NET_SOURCES net.c namespace.c link.c connections.c wire.c diag.c scripted.c scripted_app.c scripted_process.c shared.c)
