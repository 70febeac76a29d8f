"""Asks twice on one connection of Python's http.client; exits with 1 where an answer is missing or cut."""
# SPDX-License-Identifier: Apache-2.0
import http.client
import sys

connection = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]), timeout=3)
try:
    for _ in range(2):
        connection.request("GET", "/")
        response = connection.getresponse()
        response.read()
except (OSError, http.client.HTTPException) as error:
    sys.exit(f"client.py: {error!r}")
finally:
    connection.close()
