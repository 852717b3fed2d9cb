#!/usr/bin/env python3
"""Works for the process of numbers.ts: tells what Python's statistics says of a list of numbers.

Needs Debian's python3-websocket and python3-msgpack. The node's address may be given: ws://localhost:8080
"""
import json
import statistics
import sys

import msgpack
import websocket

NODE = sys.argv[1] if len(sys.argv) > 1 else "ws://localhost:8080"


def describe(numbers):
    return {
        "mean": statistics.fmean(numbers),
        "median": statistics.median(numbers),
        "stdev": statistics.stdev(numbers),
        "quartiles": statistics.quantiles(numbers, n=4),
    }


PATH = "/numbers:extension-python:template.os/python"
socket = websocket.create_connection(NODE + PATH, suppress_origin=True)  # with an Origin the node takes it for a page
while frame := socket.recv():  # empty: the node has closed it
    message = msgpack.unpackb(frame)["WebSocketExtPushData"]
    try:
        answer = describe(json.loads(bytes(message["blob"])))
    except (ArithmeticError, TypeError, ValueError) as error:
        answer = {"error": str(error)}
    message["blob"] = json.dumps(answer).encode()  # the id and the type go back as they came
    socket.send_binary(msgpack.packb({"WebSocketExtPushData": message}))
