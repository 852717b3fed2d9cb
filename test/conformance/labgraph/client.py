"""A client as LabGraph's own Python client behaves (contract labgraph, sections 2.5 and 10), told what to do line by line.

    client.py PORT APP_ID NAME=STREAM_ID...

It starts each stream, waits for one frame after each and throws it away unread, and then prints every text that comes,
with "text " before it. Lines on its standard input:

    send TEXT   sends TEXT, in which \\n stands for a line break
    end         ends every stream, and closes without waiting for the answers
    stop        reads no more, as the stock client does when its graph has finished
    drop        leaves without a close frame

Everything of the connection is left as the library has it: compression is offered, a ping goes out every 20 s, and a
message of more than 1,048,576 bytes ends it.
"""
import asyncio
import json
import sys

import websockets

API_VERSION = "0.1"


def start_request(request_id, name, stream_id, app_id):
    start = {"stream_id": stream_id, name: {}}
    if app_id:
        start["app_id"] = app_id
    return json.dumps(
        {"api_version": API_VERSION, "api_request": {"request_id": request_id, "start_stream_request": start}}
    )


def end_request(request_id, stream_id):
    request = {"request_id": request_id, "end_stream_request": {"stream_id": stream_id}}
    return json.dumps({"api_version": API_VERSION, "api_request": request})


def say(line):
    print(line, flush=True)


async def read(ws):
    try:
        while True:
            say(f"text {await ws.recv()}")
    except websockets.ConnectionClosed:
        say(f"closed {ws.close_code}")


async def main():
    port, app_id, *pairs = sys.argv[1:]
    streams = [pair.split("=", 1) for pair in pairs]
    ws = await websockets.connect(f"ws://127.0.0.1:{port}")
    for request_id, (name, stream_id) in enumerate(streams):
        await ws.send(start_request(request_id, name, stream_id, app_id))
        await ws.recv()
    reader = asyncio.ensure_future(read(ws))
    say("started")
    loop = asyncio.get_running_loop()
    while True:
        line = (await loop.run_in_executor(None, sys.stdin.readline)).rstrip("\n")
        command, _, rest = line.partition(" ")
        if command == "send":
            await ws.send(rest.replace("\\n", "\n"))
        elif command == "end":
            reader.cancel()
            for request_id, (_, stream_id) in enumerate(streams):
                await ws.send(end_request(request_id, stream_id))
            await ws.close()
            say(f"closed {ws.close_code}")
            return
        elif command == "stop":
            reader.cancel()
            say("stopped")
        else:  # drop, or the test is over
            ws.transport.abort()
            say("dropped")
            return


asyncio.run(main())
